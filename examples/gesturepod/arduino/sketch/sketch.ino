// ${name}.ino: tells the gestures of a white cane, from an MPU-6050 on SDA and SCL (A4 and A5 of an Uno).
//
// Lines at 115200 baud: "12345 double tap" is a gesture and its time in milliseconds; lines that begin with # are about
// the sensor. Send v to see every answer of the model, five a second, q to see them no longer. The LED lights up for
// every gesture, and blinks while the sensor does not work.
#include "${name}_model.h"
#include "mpu6050.h"
#include "vote.h"

constexpr uint16_t kWindow = ${window};  // samples before the first answer
constexpr uint16_t kHop = ${hop};     // samples between two answers
constexpr uint16_t kLight = 500;  // ms

static Vote<${depth}, ${majority}, ${pause}, ${name}::kClassCount, ${ignored}> vote;
static uint16_t wait = kWindow;
static uint32_t lit;
static bool works, verbose;

static void restart() {
  ${name}::reset();
  vote.reset();
  wait = kWindow;
}

static void tell(uint8_t index) {
  Serial.print(millis());
  Serial.print(' ');
  Serial.println(${name}::label(index));
  lit = millis();
  digitalWrite(LED_BUILTIN, HIGH);
}

// What the sensor says of itself. After a gap a window would be made of two halves: it begins anew.
static void listen(mpu6050::Event event) {
  works = event == mpu6050::kReady || event == mpu6050::kOverflow;
  restart();
  Serial.print(F("# sensor "));
  Serial.println(mpu6050::describe(event));
}

static void answer() {
  const uint8_t index = ${name}::predict();
  if (verbose) {
    Serial.print(F("= "));
    Serial.println(index);
  }
  const uint8_t gesture = vote.take(index);
  if (gesture != vote.kNone) tell(gesture);
}

void setup() {
  Serial.begin(115200);
  pinMode(LED_BUILTIN, OUTPUT);
  Serial.println(F("# ${name}: gestures of a cane"));
}

void loop() {
  const int command = Serial.read();
  if (command == 'v' || command == 'q') verbose = command == 'v';
  const uint32_t now = millis();
  if (!works) digitalWrite(LED_BUILTIN, now / 128 % 2);
  else if (now - lit > kLight) digitalWrite(LED_BUILTIN, LOW);

  int16_t axes[mpu6050::kAxes];
  const mpu6050::Event event = mpu6050::poll(axes);
  if (event == mpu6050::kNothing) return;
  if (event != mpu6050::kSample) return listen(event);
  ${name}::push(axes);
  if (--wait) return;
  wait = kHop;
  answer();
}
