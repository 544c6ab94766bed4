// Words of straight-line products and distances: AVR assembly, weights as operands of instructions.
//
// Y points to the vector, Z to where sums go; r18 holds an input or a difference, r19 a weight, r20 the sign of a
// product. The generated functions name the registers of their sums.
#ifndef EDGEALGOS_STRAIGHT_LINE_H
#define EDGEALGOS_STRAIGHT_LINE_H

#if defined(__AVR_HAVE_MUL__)

// clang-format off
#define EDGEALGOS_BEGIN "push r28\n\t" "push r29\n\t" "movw r28, r26\n\t"
#define EDGEALGOS_END "pop r29\n\t" "pop r28\n\t" "clr r1\n\t"

#define EDGEALGOS_CLEAR2(a, b) "clr " #a "\n\t" "clr " #b "\n\t"
#define EDGEALGOS_CLEAR3(a, b, c) EDGEALGOS_CLEAR2(a, b) "clr " #c "\n\t"

// The pointer moves on by so many columns, or back; an input is loaded.
#define EDGEALGOS_GO(columns) "subi r28, lo8(-(" #columns "))\n\t" "sbci r29, hi8(-(" #columns "))\n\t"
#define EDGEALGOS_INPUT(column) "ldd r18, Y+" #column "\n\t"
#define EDGEALGOS_UNLESS_ZERO(code) "tst r18\n\t" "breq 1f\n\t" code "1:\n\t"
#define EDGEALGOS_UNLESS_ZERO_FAR(code) "tst r18\n\t" "brne 1f\n\t" "rjmp 2f\n\t" "1:\n\t" code "2:\n\t"

// The product of the input and a weight in a register; with its sign as a third byte; added to sums of 16 and 24 bits.
#define EDGEALGOS_WEIGHT(name, weight) "ldi " #name ", " #weight "\n\t"
#define EDGEALGOS_TIMES16(name) "muls r18, " #name "\n\t"
#define EDGEALGOS_TIMES24(name) EDGEALGOS_TIMES16(name) "sbc r20, r20\n\t"
#define EDGEALGOS_TAKE16(a, b) "movw " #a ", r0\n\t"
#define EDGEALGOS_TAKE16_ODD(a, b) "mov " #a ", r0\n\t" "mov " #b ", r1\n\t"
#define EDGEALGOS_TAKE24(a, b, c) EDGEALGOS_TAKE16(a, b) "mov " #c ", r20\n\t"
#define EDGEALGOS_TAKE24_ODD(a, b, c) EDGEALGOS_TAKE16_ODD(a, b) "mov " #c ", r20\n\t"
#define EDGEALGOS_PLUS16(a, b) "add " #a ", r0\n\t" "adc " #b ", r1\n\t"
#define EDGEALGOS_MINUS16(a, b) "sub " #a ", r0\n\t" "sbc " #b ", r1\n\t"
#define EDGEALGOS_PLUS24(a, b, c) EDGEALGOS_PLUS16(a, b) "adc " #c ", r20\n\t"
#define EDGEALGOS_MINUS24(a, b, c) EDGEALGOS_MINUS16(a, b) "sbc " #c ", r20\n\t"

#define EDGEALGOS_STORE16(a, b) "st Z+, " #a "\n\t" "st Z+, " #b "\n\t"
#define EDGEALGOS_STORE_SIGN(top) "lsl " #top "\n\t" "sbc " #top ", " #top "\n\t" "st Z+, " #top "\n\t"
#define EDGEALGOS_STORE16_AS_32(a, b) EDGEALGOS_STORE16(a, b) EDGEALGOS_STORE_SIGN(b) "st Z+, " #b "\n\t"
#define EDGEALGOS_STORE24_AS_32(a, b, c) EDGEALGOS_STORE16(a, b) "st Z+, " #c "\n\t" EDGEALGOS_STORE_SIGN(c)

// A sum, taken to r18 (low) and r19 with its bias, in place of which one byte is stored: the ends of its range where
// the upper byte says that it is beyond them, else the sum shifted.
#define EDGEALGOS_SUM_TAKE(a, bias) "movw r18, " #a "\n\t" "subi r18, lo8(-(" #bias "))\n\t" \
                                    "sbci r19, hi8(-(" #bias "))\n\t"
#define EDGEALGOS_UNLESS_BEYOND(top, limit) "mov r20, r19\n\t" "subi r20, -" #top "\n\t" "cpi r20, 2 * " #top "\n\t" \
                                            "brlo 1f\n\t" "ldi r18, " #limit " - 1\n\t" "sbrc r19, 7\n\t" \
                                            "ldi r18, lo8(-" #limit ")\n\t" "rjmp 2f\n\t" "1:\n\t"
#define EDGEALGOS_UNLESS_NEGATIVE(top, limit) "cpi r19, " #top "\n\t" "brlo 1f\n\t" "ldi r18, " #limit " - 1\n\t" \
                                              "sbrc r19, 7\n\t" "ldi r18, 0\n\t" "rjmp 2f\n\t" "1:\n\t"
#define EDGEALGOS_SUM_HALVE "asr r19\n\t" "ror r18\n\t"
#define EDGEALGOS_SUM_DOUBLE "lsl r18\n\t" "rol r19\n\t"
#define EDGEALGOS_SUM_UPPER "mov r18, r19\n\t"
#define EDGEALGOS_SUM_HALVE_BYTE "asr r18\n\t"
#define EDGEALGOS_SUM_KEEP "2: st Z+, r18\n\t"

// Scores of a tree: the gates were written where the last scores will end, none of which is stored before its gate was
// read. X turns to them, Z to the first score. A score is a sum times the next gate, in r0, r22, r23; the largest so
// far stays in r24, r25, r17, its number in r16; four bytes are stored.
#define EDGEALGOS_VOTES(count) "movw r26, r30\n\t" "subi r26, lo8(" #count ")\n\t" "sbci r27, hi8(" #count ")\n\t" \
                               "subi r30, lo8(4 * " #count ")\n\t" "sbci r31, hi8(4 * " #count ")\n\t"
#define EDGEALGOS_VOTE(a) "ld r18, X+\n\t" "movw r20, " #a "\n\t" "muls r21, r18\n\t" "movw r22, r0\n\t" \
                          "mulsu r18, r20\n\t" "sbc r19, r19\n\t" "add r22, r1\n\t" "adc r23, r19\n\t"
#define EDGEALGOS_FIRST(number) "mov r24, r0\n\t" "mov r25, r22\n\t" "mov r17, r23\n\t" "ldi r16, " #number "\n\t"
#define EDGEALGOS_LARGER(number) "cp r24, r0\n\t" "cpc r25, r22\n\t" "cpc r17, r23\n\t" "brge 1f\n\t" \
                                 EDGEALGOS_FIRST(number) "1:\n\t"
#define EDGEALGOS_STORE_SCORE "st Z+, r0\n\t" "st Z+, r22\n\t" "st Z+, r23\n\t" EDGEALGOS_STORE_SIGN(r23)
// The sum of a stretch is added to a double word; Z goes back to the first of those.
#define EDGEALGOS_BACK(bytes) "sbiw r30, " #bytes "\n\t"
#define EDGEALGOS_ADD_BYTE(how, name) "ld r0, Z\n\t" how " r0, " #name "\n\t" "st Z+, r0\n\t"
#define EDGEALGOS_ADD16_TO_32(low, high) "mov r19, " #high "\n\t" "lsl r19\n\t" "sbc r19, r19\n\t" \
                                         EDGEALGOS_ADD_BYTE("add", low) EDGEALGOS_ADD_BYTE("adc", high) \
                                         EDGEALGOS_ADD_BYTE("adc", r19) EDGEALGOS_ADD_BYTE("adc", r19)

// Squared distances: r24, r25 the sum, r26 what is carried out of it, r27 zero.
#define EDGEALGOS_ELEMENT(z) "ld " #z ", X+\n\t"
#define EDGEALGOS_ZERO_CARRY "clr r27\n\t"
#define EDGEALGOS_NO_CARRY "clr r26\n\t"
#define EDGEALGOS_DIFFERENCE(z, b) "mov r18, " #z "\n\t" "subi r18, " #b "\n\t" "muls r18, r18\n\t"
#define EDGEALGOS_FIRST_SQUARE(z, b) EDGEALGOS_DIFFERENCE(z, b) "movw r24, r0\n\t"
#define EDGEALGOS_NEXT_SQUARE(z, b) EDGEALGOS_DIFFERENCE(z, b) "add r24, r0\n\t" "adc r25, r1\n\t"
#define EDGEALGOS_NEXT_SQUARE_CARRY(z, b) EDGEALGOS_NEXT_SQUARE(z, b) "adc r26, r27\n\t"
#define EDGEALGOS_SATURATE_DISTANCE "tst r26\n\t" "breq 1f\n\t" "ldi r24, 0xff\n\t" "ldi r25, 0xff\n\t" "1:\n\t"
#define EDGEALGOS_STORE_DISTANCE "st Z+, r24\n\t" "st Z+, r25\n\t"

// A loop over prototypes in flash: z stays in registers, r23 counts, Y points to where distances go.
#define EDGEALGOS_BEGIN_ROWS "push r28\n\t" "push r29\n\t" "movw r28, r24\n\t"
#define EDGEALGOS_EACH_ROW(count) "ldi r23, " #count "\n\t" "1:\n\t"
#define EDGEALGOS_ROW_DIFFERENCE(z) "lpm r18, Z+\n\t" "sub r18, " #z "\n\t" "muls r18, r18\n\t"
#define EDGEALGOS_ROW_FIRST(z) EDGEALGOS_ROW_DIFFERENCE(z) "movw r24, r0\n\t"
#define EDGEALGOS_ROW_NEXT(z) EDGEALGOS_ROW_DIFFERENCE(z) "add r24, r0\n\t" "adc r25, r1\n\t"
#define EDGEALGOS_ROW_NEXT_CARRY(z) EDGEALGOS_ROW_NEXT(z) "adc r26, r27\n\t"
#define EDGEALGOS_ROW_SATURATE "tst r26\n\t" "breq 2f\n\t" "ldi r24, 0xff\n\t" "ldi r25, 0xff\n\t" "2:\n\t"
#define EDGEALGOS_ROW_DONE "st Y+, r24\n\t" "st Y+, r25\n\t" "dec r23\n\t" "breq 3f\n\t" "rjmp 1b\n\t" "3:\n\t"
#define EDGEALGOS_CLEAR_R1 "clr r1\n\t"

// A loop over columns: r18 holds the input, r19 a weight from the table at Z, r20 and r21 count, Y points to where sums
// go. A sum that leaves its word is seen by the overflow, and the byte above counts that.
#define EDGEALGOS_CLEAR_ABOVE(place) "std Y+" #place ", r1\n\t"
#define EDGEALGOS_BEGIN_COLUMNS(columns, turns) "ldi r20, lo8(" #columns ")\n\t" "ldi r21, " #turns "\n\t" \
                                          "rjmp .Lcolumn%=\n\t"
#define EDGEALGOS_COLUMN_INPUT ".Lcolumn%=: ld r18, X+\n\t"
#define EDGEALGOS_COLUMN_UNLESS_ZERO EDGEALGOS_COLUMN_INPUT "tst r18\n\t" "breq .Lzero%=\n\t"
#define EDGEALGOS_LEFT_OUT(rows) ".Lzero%=: adiw r30, " #rows "\n\t" "rjmp .Lnext%=\n\t"
#define EDGEALGOS_COLUMN_PLUS(a, b) "lpm r19, Z+\n\t" "muls r18, r19\n\t" EDGEALGOS_PLUS16(a, b)
#define EDGEALGOS_IF_BEYOND(row) "brvs .Lbeyond%=_" #row "\n\t" ".Lwithin%=_" #row ":\n\t"
#define EDGEALGOS_BEYOND(row, top, place) ".Lbeyond%=_" #row ": ldd r0, Y+" #place "\n\t" "sbrc " #top ", 7\n\t" \
                                          "inc r0\n\t" "sbrs " #top ", 7\n\t" "dec r0\n\t" \
                                          "std Y+" #place ", r0\n\t" "rjmp .Lwithin%=_" #row "\n\t"
#define EDGEALGOS_NEXT_COLUMN ".Lnext%=: dec r20\n\t" "brne .Lcolumn%=\n\t" "dec r21\n\t" "brne .Lcolumn%=\n\t"
#define EDGEALGOS_COLUMN_STORE16(a, b) "st Y+, " #a "\n\t" "st Y+, " #b "\n\t"
#define EDGEALGOS_COLUMN_STORE_AS_32(a, b) EDGEALGOS_COLUMN_STORE16(a, b) "lsl " #b "\n\t" \
                                           "sbc " #b ", " #b "\n\t" EDGEALGOS_COLUMN_STORE16(b, b)
#define EDGEALGOS_COLUMN_STORE24(a, b) EDGEALGOS_COLUMN_STORE16(a, b) "ld r0, Y\n\t" "sbrc " #b ", 7\n\t" \
                                       "dec r0\n\t" "st Y+, r0\n\t" "lsl r0\n\t" "sbc r0, r0\n\t" "st Y+, r0\n\t"
#define EDGEALGOS_OVER_BEYOND "rjmp .Lsummed%=\n\t"
#define EDGEALGOS_SUMMED ".Lsummed%=:\n\t"

// Trees: X points to where scores go, Z to features, Y 64 of them further on. What is below a cut goes on, the rest
// jumps to the label; a leaf is a number for r25, which the end of its tree adds to the score in r14, r15. The largest
// score so far stays in r12, r13, its number in r11.
#define EDGEALGOS_SECOND_WINDOW "push r28\n\t" "push r29\n\t" "movw r28, r30\n\t" "subi r28, lo8(-64)\n\t" \
                                "sbci r29, hi8(-64)\n\t"
#define EDGEALGOS_NO_SECOND_WINDOW "pop r29\n\t" "pop r28\n\t"
#define EDGEALGOS_FEATURE(name, place) "ldd " #name ", " #place "\n\t"
#define EDGEALGOS_BEGIN_SCORE(first) "ldi r24, lo8(" #first ")\n\t" "mov r14, r24\n\t" "ldi r24, hi8(" #first ")\n\t" \
                                     "mov r15, r24\n\t"
#define EDGEALGOS_GO_ON_WITH_SCORE(first) "ld r14, X+\n\t" "ld r24, X\n\t" "sbiw r26, 1\n\t" \
                                          "ldi r25, lo8(" #first ")\n\t" "add r14, r25\n\t" \
                                          "ldi r25, hi8(" #first ")\n\t" "adc r24, r25\n\t" "mov r15, r24\n\t"
#define EDGEALGOS_COMPARE(name, cut) "cpi " #name ", " #cut "\n\t"
#define EDGEALGOS_COMPARE_WORD(cut) "ldi r18, hi8(" #cut ")\n\t" "cpi r24, lo8(" #cut ")\n\t" "cpc r25, r18\n\t"
#define EDGEALGOS_BELOW(label) "brge .Ltree%=_" #label "\n\t"
#define EDGEALGOS_FAR_BELOW(label) "brlt 1f\n\t" "rjmp .Ltree%=_" #label "\n\t" "1:\n\t"
#define EDGEALGOS_ELSE(label) ".Ltree%=_" #label ":\n\t"
#define EDGEALGOS_LEAF(number, label) "ldi r25, " #number "\n\t" "rjmp .Ltree%=_" #label "\n\t"
#define EDGEALGOS_LAST_LEAF(number) "ldi r25, " #number "\n\t"
#define EDGEALGOS_LAST_WORD_LEAF(number) "ldi r24, lo8(" #number ")\n\t" "ldi r25, hi8(" #number ")\n\t"
#define EDGEALGOS_WORD_LEAF(number, label) EDGEALGOS_LAST_WORD_LEAF(number) "rjmp .Ltree%=_" #label "\n\t"
#define EDGEALGOS_END_TREE_OF_WORDS(label) ".Ltree%=_" #label ": add r14, r24\n\t" "adc r15, r25\n\t"
#define EDGEALGOS_END_TREE(label) ".Ltree%=_" #label ": add r14, r25\n\t" "adc r15, r1\n\t"
#define EDGEALGOS_FIRST_TREES(number) "movw r12, r14\n\t" "ldi r25, " #number "\n\t" "mov r11, r25\n\t"
#define EDGEALGOS_LARGER_TREES(number) "cp r12, r14\n\t" "cpc r13, r15\n\t" "brge 1f\n\t" \
                                       EDGEALGOS_FIRST_TREES(number) "1:\n\t"
// Behind a tree, where those to come cannot change the sign of the sum, which holds least leaves of theirs already.
#define EDGEALGOS_STOP_SUM(above, below, ahead) \
  "ldi r24, lo8(" #above ")\n\t" "ldi r25, hi8(" #above ")\n\t" "cp r14, r24\n\t" "cpc r15, r25\n\t" "brge 1f\n\t" \
  "ldi r24, lo8(" #below ")\n\t" "ldi r25, hi8(" #below ")\n\t" "cp r14, r24\n\t" "cpc r15, r25\n\t" "brge 2f\n\t" \
  "1: ldi r24, lo8(" #ahead ")\n\t" "ldi r25, hi8(" #ahead ")\n\t" "sub r14, r24\n\t" "sbc r15, r25\n\t" \
  "jmp .Ltree%=_decided\n\t" "2:\n\t"
#define EDGEALGOS_DECIDED_SUM ".Ltree%=_decided:\n\t"
#define EDGEALGOS_END_SCORE "st X+, r14\n\t" "st X+, r15\n\t" "lsl r15\n\t" "sbc r15, r15\n\t" "st X+, r15\n\t" \
                            "st X+, r15\n\t"

// Trees that vote: a register counts for a class, X saved, Y and Z point to features. Trees are called; a leaf adds to
// registers and returns. Ends of leaves are shared.
#define EDGEALGOS_BEGIN_VOTES "push r28\n\t" "push r29\n\t" "push r26\n\t" "push r27\n\t"
#define EDGEALGOS_VOTING_WINDOW(base, place) "movw r26, r30\n\t" "subi r26, lo8(-(" #place "))\n\t" \
                                             "sbci r27, hi8(-(" #place "))\n\t" "movw " #base ", r26\n\t"
#define EDGEALGOS_MOST_READ_WINDOW(place) "movw r28, r30\n\t" "subi r28, lo8(-(" #place "))\n\t" \
                                          "sbci r29, hi8(-(" #place "))\n\t"
#define EDGEALGOS_ONLY_OTHER_WINDOW(place) "subi r30, lo8(-(" #place "))\n\t" "sbci r31, hi8(-(" #place "))\n\t"
#define EDGEALGOS_OTHER_WINDOW(base) "movw r30, " #base "\n\t"
#define EDGEALGOS_FAR_WINDOW(distance) "movw r30, r28\n\t" "subi r30, lo8(-(" #distance "))\n\t" \
                                       "sbci r31, hi8(-(" #distance "))\n\t"
#define EDGEALGOS_FIRST_VOTES(name, number) "ldi " #name ", " #number "\n\t"
#define EDGEALGOS_LATER_FIRST_VOTES(name, number) "ldi r26, " #number "\n\t" "mov " #name ", r26\n\t"
// Where counts are words, r0 holds 0xff: after `subi` of a negative number, `sbc` of that adds what is carried.
#define EDGEALGOS_COUNT_WORDS "clr r0\n\t" "dec r0\n\t"
#define EDGEALGOS_NO_VOTES_ABOVE(above) "clr " #above "\n\t"
#define EDGEALGOS_VOTES_FOR_WORD(name, above, votes) "subi " #name ", lo8(-(" #votes "))\n\t" "sbc " #above ", r0\n\t"
// Where a byte counts votes by twos, and the other one those left over, neither is carried: a leaf adds in one word.
#define EDGEALGOS_ODD_VOTE(odd) "inc " #odd "\n\t"
#define EDGEALGOS_WHOLE_VOTES(name, odd) "mov r26, " #odd "\n\t" "clr " #odd "\n\t" "lsl " #name "\n\t" \
                                         "rol " #odd "\n\t" "add " #name ", r26\n\t" "adc " #odd ", r1\n\t"
#define EDGEALGOS_HALVES_LEADER(name, odd) \
  EDGEALGOS_WORD_LEADER(name, r1) "lsl r26\n\t" "rol r27\n\t" "add r26, " #odd "\n\t" "adc r27, r1\n\t"
#define EDGEALGOS_HALVES_RIVAL(name, odd) "mov r0, " #name "\n\t" "clr r1\n\t" "lsl r0\n\t" "rol r1\n\t" \
                                          "add r0, " #odd "\n\t" "brcc 1f\n\t" "inc r1\n\t" "1:\n\t" \
                                          EDGEALGOS_WORD_RIVAL(r0, r1)
#define EDGEALGOS_HALVES_LEAD "clr r1\n\t" EDGEALGOS_WORD_LEAD
#define EDGEALGOS_STORE_WORD_VOTES(name, above) "st Z+, " #name "\n\t" "st Z+, " #above "\n\t" "st Z+, r1\n\t" "st Z+, r1\n\t"
#define EDGEALGOS_FIRST_WORD_VOTED(name, above) "mov r26, " #name "\n\t" "mov r27, " #above "\n\t" "ldi r30, 0\n\t"
#define EDGEALGOS_MORE_WORD_VOTED(name, above, number) \
  "cp r26, " #name "\n\t" "cpc r27, " #above "\n\t" "brsh 1f\n\t" "mov r26, " #name "\n\t" "mov r27, " #above "\n\t" \
  "ldi r30, " #number "\n\t" "1:\n\t"
#define EDGEALGOS_MOST_WORD_VOTED "mov r24, r30\n\t"
#define EDGEALGOS_STOP_WORD_VOTES(lead) "call .Ltree%=_lead\n\t" "subi r26, lo8(" #lead ")\n\t" \
                                        "sbci r27, hi8(" #lead ")\n\t" "brlo 1f\n\t" "jmp .Ltree%=_decided\n\t" "1:\n\t"
#define EDGEALGOS_WORD_LEADER(name, above) "push r30\n\t" "push r31\n\t" "mov r26, " #name "\n\t" \
                                           "mov r27, " #above "\n\t" "ldi r30, 0\n\t" "ldi r31, 0\n\t"
#define EDGEALGOS_WORD_RIVAL(name, above) \
  "cp r30, " #name "\n\t" "cpc r31, " #above "\n\t" "brsh 1f\n\t" "mov r30, " #name "\n\t" "mov r31, " #above "\n\t" \
  "cp r26, " #name "\n\t" "cpc r27, " #above "\n\t" "brsh 1f\n\t" "movw r30, r26\n\t" "mov r26, " #name "\n\t" \
  "mov r27, " #above "\n\t" "1:\n\t"
#define EDGEALGOS_WORD_LEAD "sub r26, r30\n\t" "sbc r27, r31\n\t" "pop r31\n\t" "pop r30\n\t" "ret\n\t"
#define EDGEALGOS_CALL_TREE(label) "call .Ltree%=_" #label "\n\t"
#define EDGEALGOS_COMPARE_VOTING_WORD(spare, cut) "ldi " #spare ", hi8(" #cut ")\n\t" "cpi r26, lo8(" #cut ")\n\t" \
                                                  "cpc r27, " #spare "\n\t"
#define EDGEALGOS_VOTES_BELOW(label) "brlt .Ltree%=_" #label "\n\t"
#define EDGEALGOS_VOTES_NOT_BELOW(label) "brge .Ltree%=_" #label "\n\t"
#define EDGEALGOS_FAR_VOTES_BELOW(label) "brge 1f\n\t" "rjmp .Ltree%=_" #label "\n\t" "1:\n\t"
#define EDGEALGOS_FAR_VOTES_NOT_BELOW(label) EDGEALGOS_FAR_BELOW(label)
#define EDGEALGOS_VOTES_FOR(name, votes) "subi " #name ", lo8(-(" #votes "))\n\t"
#define EDGEALGOS_LATER_VOTE(name, votes) "ldi r26, " #votes "\n\t" "add " #name ", r26\n\t"
#define EDGEALGOS_VOTES_AS(label) "rjmp .Ltree%=_" #label "\n\t"
#define EDGEALGOS_VOTED "ret\n\t"
#define EDGEALGOS_END_VOTES "pop r31\n\t" "pop r30\n\t" "pop r29\n\t" "pop r28\n\t"
#define EDGEALGOS_STORE_VOTES(name) "st Z+, " #name "\n\t" "st Z+, r1\n\t" "st Z+, r1\n\t" "st Z+, r1\n\t"
#define EDGEALGOS_FIRST_VOTED(name) "mov r26, " #name "\n\t" "ldi r27, 0\n\t"
#define EDGEALGOS_MORE_VOTED(name, number) "cp r26, " #name "\n\t" "brsh 1f\n\t" "mov r26, " #name "\n\t" \
                                           "ldi r27, " #number "\n\t" "1:\n\t"
#define EDGEALGOS_MOST_VOTED "mov r24, r27\n\t"
// After a tree, where the largest count leads by so much that those to come cannot change which it is.
#define EDGEALGOS_STOP_VOTES(lead) "call .Ltree%=_lead\n\t" "cpi r26, " #lead "\n\t" "brlo 1f\n\t" \
                                   "jmp .Ltree%=_decided\n\t" "1:\n\t"
#define EDGEALGOS_DECIDED_VOTES ".Ltree%=_decided:\n\t"
#define EDGEALGOS_LEAD_OF_VOTES ".Ltree%=_lead:\n\t"
#define EDGEALGOS_LEADER(name) "mov r26, " #name "\n\t" "ldi r27, 0\n\t"
#define EDGEALGOS_RIVAL(name) "cp r27, " #name "\n\t" "brsh 1f\n\t" "mov r27, " #name "\n\t" \
                              "cp r26, " #name "\n\t" "brsh 1f\n\t" "mov r27, r26\n\t" "mov r26, " #name "\n\t" "1:\n\t"
#define EDGEALGOS_LEAD "sub r26, r27\n\t" "ret\n\t"
#define EDGEALGOS_OVER_TREES "jmp .Ltree%=_end\n\t"
#define EDGEALGOS_END_OF_TREES ".Ltree%=_end:\n\t"
// clang-format on

#endif

#endif  // EDGEALGOS_STRAIGHT_LINE_H
