/* 32-bit RISC-V (QEMU's virt): reset, semihosting, and the counter of retired instructions as clock. */
#include "board.h"

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026, FAULT = 99 };

/* mstatus: the floating-point unit is on (FS = dirty); it is read-only zero where there is none. */
__asm__(".section .reset, \"ax\"\n"
        ".globl board_reset\n"
        "board_reset:\n"
        "    la sp, board_stack\n"
        "    la t0, fault\n"
        "    csrw mtvec, t0\n"
        "    li t0, 0x6000\n"
        "    csrs mstatus, t0\n"
        "    j board_run\n"
        ".text\n");

static int semihost(int operation, const void *argument)
{
    register int a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n\t"
                     ".option norvc\n\t" /* the three instructions of the call are known by their uncompressed form */
                     ".balign 16\n\t"
                     "slli x0, x0, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai x0, x0, 7\n\t"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

void board_write(const char *text) { semihost(SYS_WRITE0, text); }

_Noreturn void board_exit(int code)
{
    const int block[2] = {APPLICATION_EXIT, code};
    for (;;) semihost(SYS_EXIT_EXTENDED, block);
}

uint32_t board_ticks(void)
{
    uint32_t retired;
    __asm__ volatile("csrr %0, minstret" : "=r"(retired));
    return retired;
}

uint32_t board_ticks_since(uint32_t start) { return board_ticks() - start; }

__attribute__((used, aligned(4))) static void fault(void)
{
    board_write("fault\n");
    board_exit(FAULT);
}
