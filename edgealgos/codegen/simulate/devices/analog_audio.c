/*
 * A voltage at an analogue pin that follows a list of ADC codes in time, sampled and held when a conversion starts;
 * settings: channel, cycles_per_sample in units of 1/65536; file: `codes`, 16 bits each, 0..1023.
 *
 * The list begins half a sample before the first conversion of the pin: conversions at the rate of the list, however
 * late their first one, see each code once.
 *
 * simavr converts with the right duration but starts conversions by software and in free running alone; starts by the
 * compare matches and the overflow of timers are added here, on the rising edge of the flag as in the data sheet: a flag
 * that nobody cleared starts nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <avr_adc.h>
#include <avr_timer.h>

#include "device.h"

enum { kAdcsra = 0x7A, kAdcsrb = 0x7B, kAdate = 0x20, kTriggerSource = 0x07 };
enum { kTimer0CompareA = 3, kTimer0Overflow = 4, kTimer1CompareB = 5, kTimer1Overflow = 6 };

struct trigger {
  struct analog_audio *audio;
  int source;
  int flag; /* of the timer: a rising edge starts a conversion */
};

struct analog_audio {
  avr_t *avr;
  struct bytes codes;
  uint64_t step; /* cycles of one sample, times 65536 */
  unsigned channel;
  avr_irq_t *input, *start;
  FILE *conversions; /* of the pin: 64-bit cycle of its start, 64-bit number of the sample */
  uint64_t first;    /* cycle at which sample 0 begins */
  int begun;
  uint64_t converting; /* sample that is being converted */
  struct trigger triggers[4];
};

static uint32_t millivolts(uint32_t code) { return (code * 5000 + 1022) / 1023; } /* which simavr turns into the code */

static void present(struct analog_audio *audio, uint64_t sample) {
  const uint16_t *codes = (const uint16_t *)(const void *)audio->codes.data;
  size_t count = audio->codes.length / 2;
  avr_raise_irq(audio->input, millivolts(codes[sample < count ? sample : count - 1]));
}

static void take_start(struct avr_irq_t *irq, uint32_t value, void *param) {
  struct analog_audio *audio = param;
  union {
    avr_adc_mux_t mux;
    uint32_t value;
  } source = {.value = value};
  (void)irq;
  if (source.mux.kind != ADC_MUX_SINGLE || source.mux.src != audio->channel) return;
  uint64_t now = audio->avr->cycle;
  if (!audio->begun) audio->first = now - audio->step / 65536 / 2;
  audio->begun = 1;
  audio->converting = ((now - audio->first) << 16) / audio->step;
  uint64_t record[2] = {now, audio->converting};
  fwrite(record, sizeof record, 1, audio->conversions);
}

/* simavr looks at the voltage when the result is read: it must not change before the result is there. */
static void take_end(struct avr_irq_t *irq, uint32_t value, void *param) {
  struct analog_audio *audio = param;
  (void)irq;
  if (value && audio->begun) present(audio, audio->converting);
}

static void take_flag(struct avr_irq_t *irq, uint32_t value, void *param) {
  struct trigger *trigger = param;
  (void)irq;
  const uint8_t *data = trigger->audio->avr->data;
  int rises = value && !trigger->flag;
  trigger->flag = value != 0;
  if (rises && (data[kAdcsra] & kAdate) && (data[kAdcsrb] & kTriggerSource) == trigger->source)
    avr_raise_irq(trigger->audio->start, 1);
}

static void add_trigger(struct analog_audio *audio, int index, int source, avr_int_vector_t *flag) {
  struct trigger *trigger = &audio->triggers[index];
  trigger->audio = audio;
  trigger->source = source;
  avr_irq_register_notify(&flag->irq[AVR_INT_IRQ_PENDING], take_flag, trigger);
}

static void add_triggers(struct analog_audio *audio) {
  for (avr_io_t *part = audio->avr->io_port; part; part = part->next) {
    if (strcmp(part->kind, "timer")) continue;
    avr_timer_t *timer = (avr_timer_t *)part;
    if (timer->name == '0') {
      add_trigger(audio, 0, kTimer0CompareA, &timer->comp[AVR_TIMER_COMPA].interrupt);
      add_trigger(audio, 1, kTimer0Overflow, &timer->overflow);
    } else if (timer->name == '1') {
      add_trigger(audio, 2, kTimer1CompareB, &timer->comp[AVR_TIMER_COMPB].interrupt);
      add_trigger(audio, 3, kTimer1Overflow, &timer->overflow);
    }
  }
}

static void *attach(avr_t *avr, const char *folder) {
  struct analog_audio *audio = zeroed(sizeof *audio);
  avr_adc_t *adc = (avr_adc_t *)chip_part(avr, "adc");
  audio->avr = avr;
  audio->codes = device_file(folder, "codes");
  audio->step = (uint64_t)device_setting(folder, "cycles_per_sample");
  audio->conversions = device_output(folder, "conversions");
  audio->channel = (unsigned)device_setting(folder, "channel");
  audio->input = &adc->io.irq[ADC_IRQ_ADC0 + audio->channel];
  audio->start = &adc->io.irq[ADC_IRQ_IN_TRIGGER];
  avr->vcc = avr->avcc = avr->aref = 5000;
  avr_irq_register_notify(&adc->io.irq[ADC_IRQ_OUT_TRIGGER], take_start, audio);
  avr_irq_register_notify(&adc->adc.irq[AVR_INT_IRQ_PENDING], take_end, audio);
  add_triggers(audio);
  return audio;
}

static void finish(void *self) {
  struct analog_audio *audio = self;
  fclose(audio->conversions);
  free(audio->codes.data);
  free(audio);
}

const struct device kAnalogAudio = {"analog_audio", attach, finish};
