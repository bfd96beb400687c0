/* What a program may ask of its board: write a text, read a clock that counts instructions, know its stack, end. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

void board_write(const char *text);
_Noreturn void board_exit(int code);

/* Ticks that have passed; how many there are in an instruction stands in the board's row. */
uint32_t board_ticks(void);
uint32_t board_ticks_since(uint32_t start);

/* The bytes of stack that any call so far has used below its caller, counted from where this call stands. */
uint32_t board_stack_used(void);

/* Called by the board's reset code: memory is made ready, then main runs. */
_Noreturn void board_run(void);
int main(void);

#endif
