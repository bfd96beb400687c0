/* Plays a sound through an exported model in real time: amp IN.wav OUT.wav
   16-bit PCM at 48 kHz, one or two channels, each with a state of its own. The sound goes through in blocks of BLOCK
   frames, as an audio driver would hand them over; on that path nothing is allocated. */
#define _POSIX_C_SOURCE 199309L

#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if MODEL_INPUTS != 1 || MODEL_OUTPUTS != 1
#error "amp needs a model of one input and one output"
#endif

enum { RATE = 48000, BLOCK = 256, CHANNELS = 2, SAMPLE = 2, HEADER = 44, PCM = 1, EXTENSIBLE = 0xFFFE };

struct sound {
    uint32_t channels, bytes;
};

struct clock {
    double whole, slowest; /* seconds */
};

static void fail(const char *file, const char *why)
{
    fprintf(stderr, "amp: %s: %s\n", file, why);
    exit(1);
}

static uint32_t little(const unsigned char *bytes, int count)
{
    uint32_t number = 0;
    while (count-- > 0) number = number << 8 | bytes[count];
    return number;
}

static void put_little(unsigned char *bytes, uint32_t number, int count)
{
    for (int k = 0; k < count; ++k) bytes[k] = (unsigned char)(number >> 8 * k);
}

/* The header */

static void read_bytes(FILE *in, const char *name, unsigned char *bytes, size_t count)
{
    if (fread(bytes, 1, count, in) != count) fail(name, "ends before its samples");
}

static void skip(FILE *in, const char *name, uint32_t bytes)
{
    if (bytes > INT32_MAX) fail(name, "has a part of more than 2 GiB beside its samples");
    if (fseek(in, (long)bytes, SEEK_CUR)) fail(name, "ends before its samples");
}

static uint32_t read_format(FILE *in, const char *name, uint32_t size)
{
    unsigned char format[40] = {0};
    const uint32_t known = size < sizeof format ? size : (uint32_t)sizeof format;
    if (size < 16) fail(name, "has a format that is too short");
    read_bytes(in, name, format, known);
    skip(in, name, size - known + (size & 1));

    const uint32_t kind = little(format, 2), channels = little(format + 2, 2);
    if (kind != PCM && !(kind == EXTENSIBLE && little(format + 24, 2) == PCM)) fail(name, "is not PCM");
    if (channels < 1 || channels > CHANNELS) fail(name, "has neither one nor two channels");
    if (little(format + 4, 4) != RATE) fail(name, "is not at 48000 Hz, as the model is");
    if (little(format + 14, 2) != 8 * SAMPLE) fail(name, "is not of 16 bits");
    if (little(format + 12, 2) != channels * SAMPLE) fail(name, "has frames of another size than its channels");
    return channels;
}

static void check_length(FILE *in, const char *name, struct sound sound)
{
    const long here = ftell(in);
    if (here < 0 || fseek(in, 0, SEEK_END)) fail(name, "cannot be searched");
    const long left = ftell(in) - here;
    if (left < 0 || (unsigned long)left < sound.bytes) fail(name, "ends before its last sample");
    if (fseek(in, here, SEEK_SET)) fail(name, "cannot be searched");
    if (sound.bytes == 0) fail(name, "has no samples");
    if (sound.bytes % (sound.channels * SAMPLE)) fail(name, "ends within a frame");
    if (sound.bytes > UINT32_MAX - HEADER) fail(name, "is too long");
}

/* Leaves the file at its first sample. */
static struct sound read_header(FILE *in, const char *name)
{
    struct sound sound = {0, 0};
    unsigned char head[12], chunk[8];
    if (fread(head, 1, sizeof head, in) != sizeof head || memcmp(head, "RIFF", 4) || memcmp(head + 8, "WAVE", 4))
        fail(name, "is not a WAV file");
    for (;;) {
        read_bytes(in, name, chunk, sizeof chunk);
        const uint32_t size = little(chunk + 4, 4);
        if (!memcmp(chunk, "fmt ", 4)) {
            sound.channels = read_format(in, name, size);
        } else if (!memcmp(chunk, "data", 4)) {
            if (!sound.channels) fail(name, "has samples before their format");
            sound.bytes = size;
            check_length(in, name, sound);
            return sound;
        } else {
            skip(in, name, size);
            skip(in, name, size & 1);
        }
    }
}

static void write_bytes(FILE *out, const char *name, const unsigned char *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, out) != count) fail(name, "cannot be written");
}

static void write_header(FILE *out, const char *name, struct sound sound)
{
    unsigned char bytes[HEADER] = "RIFF....WAVEfmt ....................data...";
    put_little(bytes + 4, HEADER - 8 + sound.bytes, 4);
    put_little(bytes + 16, 16, 4);
    put_little(bytes + 20, PCM, 2);
    put_little(bytes + 22, sound.channels, 2);
    put_little(bytes + 24, RATE, 4);
    put_little(bytes + 28, RATE * sound.channels * SAMPLE, 4);
    put_little(bytes + 32, sound.channels * SAMPLE, 2);
    put_little(bytes + 34, 8 * SAMPLE, 2);
    put_little(bytes + 40, sound.bytes, 4);
    write_bytes(out, name, bytes, HEADER);
}

/* The sound */

static float from_pcm(const unsigned char *bytes)
{
    const int32_t word = (int32_t)little(bytes, SAMPLE);
    return (float)(word < 32768 ? word : word - 65536) / 32768.0f;
}

static void to_pcm(unsigned char *bytes, float value)
{
    const float scaled = value * 32768.0f;
    const float bounded = scaled > 32767.0f ? 32767.0f : (scaled > -32768.0f ? scaled : -32768.0f);
    const int32_t word = (int32_t)(bounded + (bounded < 0.0f ? -0.5f : 0.5f));
    put_little(bytes, (uint32_t)word, SAMPLE);
}

static void play_block(model_state *states, unsigned char *bytes, uint32_t channels, size_t frames)
{
    float x[BLOCK], y[BLOCK];
    for (uint32_t channel = 0; channel < channels; ++channel) {
        unsigned char *first = bytes + channel * SAMPLE;
        const size_t frame = channels * SAMPLE;
        for (size_t k = 0; k < frames; ++k) x[k] = from_pcm(first + k * frame);
        model_run(&states[channel], x, y, frames);
        for (size_t k = 0; k < frames; ++k) to_pcm(first + k * frame, y[k]);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static struct clock play(FILE *in, const char *from, FILE *out, const char *to, struct sound sound)
{
    static model_state states[CHANNELS];
    static unsigned char bytes[BLOCK * CHANNELS * SAMPLE];
    struct clock clock = {0.0, 0.0};
    const uint32_t frame = sound.channels * SAMPLE;
    for (int channel = 0; channel < CHANNELS; ++channel) model_reset(&states[channel]);
    for (uint32_t left = sound.bytes; left > 0;) {
        const uint32_t count = left < BLOCK * frame ? left : BLOCK * frame;
        read_bytes(in, from, bytes, count);
        const double begun = now();
        play_block(states, bytes, sound.channels, count / frame);
        const double taken = now() - begun;
        clock.whole += taken;
        if (taken > clock.slowest) clock.slowest = taken;
        write_bytes(out, to, bytes, count);
        left -= count;
    }
    return clock;
}

int main(int count, char **names)
{
    if (count != 3) {
        fprintf(stderr, "usage: amp IN.wav OUT.wav\n");
        return 2;
    }
    if (!strcmp(names[1], names[2])) fail(names[2], "would be written while it is read");
    FILE *in = fopen(names[1], "rb");
    if (!in) fail(names[1], "cannot be read");
    const struct sound sound = read_header(in, names[1]);
    FILE *out = fopen(names[2], "wb");
    if (!out) fail(names[2], "cannot be written");
    write_header(out, names[2], sound);
    const struct clock clock = play(in, names[1], out, names[2], sound);
    fclose(in);
    if (fclose(out)) fail(names[2], "cannot be written");

    const double seconds = (double)sound.bytes / (sound.channels * SAMPLE) / RATE;
    printf("%.2f s of sound in %.4f s: %.0f times faster than real time\n", seconds, clock.whole, seconds / clock.whole);
    printf("slowest block of %d frames: %.2f %% of its time\n", BLOCK, 100.0 * clock.slowest * RATE / BLOCK);
    return 0;
}
