"""Sketches build as the IDE builds them: joined tabs, functions that are used before they are defined."""

import os

import pytest

from edgealgos.codegen.build import ino, tools
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.simulate.sketch import run_sketch
from edgealgos.errors import BuildError

from .conftest import write_sketch

AVR = pytest.mark.needs("avr-g++", "arduino-core")
CORE = tools.find_arduino_core()
EXAMPLES = sorted((CORE / "libraries").glob("*/examples/**/*.ino")) if CORE else []
DEFINITIONS = {
    "void f() {": "void f();",
    "int f(int a, char *b) {": "int f(int a, char *b);",
    "static inline uint8_t f(const char *s,\n   int n)\n{": "static inline uint8_t f(const char *s, int n);",
    "const char *f() {": "const char * f();",
    "unsigned long f(void) {": "unsigned long f(void);",
    "struct point f(struct point p) {": "struct point f(struct point p);",
    "std::pair<int, int> f(ns::T &t) {": "std::pair<int, int> f(ns::T &t);",
    "__attribute__((noinline)) static int f(int (*g)(int)) {": "static int f(int (*g)(int));",
    "void f(int a[], int b[3]) {": "void f(int a[], int b[3]);",
    "[[noreturn]] void f() {": "void f();",
    "void /* why */ f(int a) // because\n{": "void f(int a);",
}


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_function_is_declared_before_the_first_one(definition, tmp_path):
    tab = tmp_path / "x.ino"
    tab.write_text(f"int a;\nint first() {{ return 1; }}\n{definition} }}\n")
    text = ino.with_prototypes(ino.joined([tab]), [tab])
    assert text.index("int a;") < text.index("int first();") < text.index(DEFINITIONS[definition])
    assert text.index(DEFINITIONS[definition]) < text.index("int first() {")


NO_FUNCTIONS = [
    "struct A { void f() {} };", "class B : public A { int f() { return 1; } };", "enum E { a, b };", "int x(5);",
    "enum class E : int { a };", "namespace n { void f() {} }", 'extern "C" { void f() {} }', 'extern "C" void f() {}',
    "int a[] = { 1, 2 };", "template <class T> void f(T t) {}", "void A::f() {}", "A::A() : b(1) {}",
    "bool operator==(A a, A b) { return 1; }", "auto l = [](int a) { return a; };", "void f(int a = 1) {}",
    "// void f() {\n", "/* void f() { */", 'const char *s = "void f() {";', "#define F void f() {\n",
    "#define F \\\n  void f() {\n", "typedef struct { int a; } T;", "char c = '{', d = '\\'';",
    'const char *r = R"x(void f() { )" )x";', "union { int a; char b; } u;", "ISR(TIMER1_COMPA_vect) {}", 'asm("nop");',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_FUNCTIONS)
def test_what_is_no_free_function_is_not_declared(text, tmp_path):
    tab = tmp_path / "x.ino"
    tab.write_text(f"{text}\nvoid setup() {{ if (1) {{ }} }}\nvoid loop() {{ }}\n")
    made = ino.with_prototypes(ino.joined([tab]), [tab])
    lines = made.split("\n")
    at = lines.index("void setup();")
    assert lines[at + 1] == "void loop();"
    assert lines[at + 2].startswith("#line ")
    assert lines[:at] + lines[at + 3 :] == ino.joined([tab]).split("\n")


@AVR
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_of_the_core_build(example):
    assert build_sketch(example.parent).flash_bytes > 500


@pytest.mark.needs("arduino-core")
def test_the_core_has_its_examples():
    assert len(EXAMPLES) >= 19


MAIN = """struct Point { int x, y; };
#if defined(NEVER)
Missing never(Missing m) { return m; }
#elif 1
static int twice(int a) { return 2 * a + later(0); }
#endif
#ifdef __AVR__
void setup() {
  Serial.begin(250000);
  Point p = {3, 4};
  Serial.println(twice(sum(p)) + in_another_tab(1) + kAbove);
}
#endif
void loop() {}
int sum(Point p) { return p.x + p.y; }
"""


@pytest.mark.needs("avr-g++", "arduino-core", "simavr")
def test_tabs_and_helpers_below_loop_build_and_run(tmp_path):
    sketch = write_sketch(tmp_path, "const int kAbove = 1000;\n" + MAIN, zzz_ino="int later(int a) { return a; }\n",
                          aaa_ino="int in_another_tab(int a) { return sum(Point{a, 5}) + later(10) + of_cpp(); }\n",
                          more_cpp="int of_cpp() { return 7; }\n", more_h="int of_cpp();\n")  # fmt: skip
    text = (sketch / "probe.ino").read_text()
    (sketch / "probe.ino").write_text('#include "more.h"\n' + text)
    firmware = build_sketch(sketch)
    assert firmware.warnings == ()
    assert run_sketch(firmware, 0.05).text == [str(2 * 7 + (6 + 10 + 7) + 1000)]


@AVR
@pytest.mark.parametrize("conditions", ["", "#if 1\n#endif\n"])
def test_messages_name_the_tab_and_its_line(conditions, tmp_path):
    code = f"{conditions}void setup() {{ helper(); }}\nvoid loop() {{}}\n\nvoid helper() {{\n  int unused;\n}}\n"
    sketch = write_sketch(tmp_path, code, tab_ino="int wrong;\nvoid other() {\n  int also;\n}\n")
    at = conditions.count("\n")
    found = [tuple(w.split(": ")[0].rsplit("/", 1)[1].split(":")[:2]) for w in build_sketch(sketch).warnings]
    assert found == [("probe.ino", str(5 + at)), ("tab.ino", "3")]
    (sketch / "tab.ino").write_text("\n\nthis is no C++;\n")
    with pytest.raises(BuildError, match=r"tab\.ino:3:"):
        build_sketch(sketch)


@AVR
def test_the_sketch_itself_is_not_edited(tmp_path):
    sketch = write_sketch(tmp_path, "void setup() { f(); }\nvoid loop() {}\nvoid f() {}\n")
    before = (sketch / "probe.ino").read_bytes()
    build_sketch(sketch)
    assert (sketch / "probe.ino").read_bytes() == before
    assert os.listdir(sketch) == ["probe.ino"]
