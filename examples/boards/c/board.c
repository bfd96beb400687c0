/* What the emulated boards share: memory made ready, then main; and what a compiler may call without a C library. */
#include "board.h"

#include <stddef.h>

extern uint32_t board_data[], board_data_end[], board_data_image[], board_bss[], board_bss_end[];

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    while (bytes--) *out++ = *in++;
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    unsigned char *out = to;
    while (bytes--) *out++ = (unsigned char)value;
    return to;
}

/* Free memory is painted, so that the deepest word that a call has written shows. */
enum { PAINT = 0x5AFECAFE };

_Noreturn void board_run(void)
{
    const uint32_t *image = board_data_image;
    for (uint32_t *word = board_data; word != board_data_end; word++) *word = *image++;
    for (uint32_t *word = board_bss; word != board_bss_end; word++) *word = 0;
    for (uint32_t *word = board_bss_end; word < (uint32_t *)__builtin_frame_address(0) - 16; word++) *word = PAINT;
    board_exit(main());
}

uint32_t board_stack_used(void)
{
    const uint32_t *deepest = board_bss_end;
    while (*deepest == PAINT) deepest++;
    return (uint32_t)((uintptr_t)__builtin_frame_address(0) - (uintptr_t)deepest);
}
