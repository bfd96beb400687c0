/* Written by gatewise 0.1.0: a recurrent network, step by step.

   1. Recurrent(mine, 3, 16) of cell mine

   Weights: 992 bytes of flash, constant, shared by all states. RAM: 32 bytes for each state.
   Stack: 134 bytes of arrays in a step, and what registers need. A step takes 608
   multiplications with additions, whatever the numbers. sigmoid and tanh are within 2.5e-07 of the exact ones;
   a NaN counts there as a large number, so check inputs that may be one. No heap, no library, no data that changes
   but the state.

   Weights of int8, one scale for each row; inputs and outputs of layers int16, memories int32, sums int32, the rest
   float. The magnitudes of a row's weights add up to 1,378 at most, times 32,768 this is
   45,154,304: no sum leaves 32 bits, whose largest number is 2,147,483,647.
   On 400 steps of calibration the signal is 58.5 dB above the difference to the model.

   C99 or C++. Good flags for this target: -O2.
   Without contraction of products and sums (-ffp-contract=off, or -std=c99 with GCC) every compiler and processor with
   IEEE 754 arithmetic gives the same bits.

   The state, as get_state and set_state copy it:
   values 0 to 15: l0_h, int16, 1 is 4.51853e-05
*/

#ifndef MINE_H
#define MINE_H

#include <stddef.h>
#include <stdint.h>

#define MINE_ABI 1
#define MINE_INPUTS 3
#define MINE_OUTPUTS 16
#define MINE_STATES 16
#define MINE_STATE_BYTES 32
#define MINE_FLASH_BYTES 992
#define MINE_STACK_BYTES 134
#define MINE_MACS 608
#define MINE_WEIGHTS_CRC32 0x36f07201u
#define MINE_ACTIVATION_BOUND 2.5e-07f
#define MINE_ACCUMULATOR_BOUND 45154304
#define MINE_SNR_DB 58.49622f

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mine_state {
    int16_t narrow[16];
} mine_state;

/* Back to the beginning; also before the first step. */
void mine_reset(mine_state *state);

/* One step: x has MINE_INPUTS numbers, y gets MINE_OUTPUTS. They must not overlap. */
void mine_step(mine_state *state, const float *x, float *y);

/* So many steps: x has steps * MINE_INPUTS numbers, y gets steps * MINE_OUTPUTS. */
void mine_run(mine_state *state, const float *x, float *y, size_t steps);

/* MINE_STATES numbers out of a state, or into it. */
void mine_get_state(const mine_state *state, float *values);
void mine_set_state(mine_state *state, const float *values);

#ifdef MINE_SELFTEST
/* 0 where a run from the beginning gives what the model gave when it was exported, else the number of the first step
   that does not, from 1. */
int mine_selftest(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
