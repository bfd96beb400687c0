/* Arm Cortex-M: vector table, reset, semihosting, and the SysTick timer as a clock of instructions. */
#include "board.h"

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026, FAULT = 99 };

#define CPACR (*(volatile uint32_t *)0xE000ED88u) /* access to the floating-point and vector unit */
#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define SYST_MASK 0xFFFFFFu /* 24 bits, counting down */

extern uint32_t board_stack[];

static int semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_write(const char *text) { semihost(SYS_WRITE0, text); }

_Noreturn void board_exit(int code)
{
    const int block[2] = {APPLICATION_EXIT, code};
    for (;;) semihost(SYS_EXIT_EXTENDED, block);
}

uint32_t board_ticks(void) { return SYST_CVR; }

uint32_t board_ticks_since(uint32_t start) { return (start - SYST_CVR) & SYST_MASK; }

static void fault(void)
{
    board_write("fault\n");
    board_exit(FAULT);
}

void board_reset(void);
void board_reset(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    SYST_RVR = SYST_MASK;
    SYST_CVR = 0;
    SYST_CSR = 5; /* the processor's clock, on */
    board_run();
}

typedef void (*handler)(void);
struct vectors {
    uint32_t *stack;
    handler reset, faults[5];
};
__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    board_stack, board_reset, {fault, fault, fault, fault, fault}};
