/* Runs an exported model (to_c(…, name="model")) over the rows of board_input and writes, for each step, the outputs as
   the hexadecimal words of their bits; then four numbers, also hexadecimal: the bytes of stack of one step, and the ticks
   of an empty measurement, of the shortest and of the longest step. */
#include "board.h"
#include "model.h"

extern const uint32_t board_input[]; /* [board_steps][MODEL_INPUTS], the bits of float32 */
extern const uint32_t board_steps;

union word {
    float value;
    uint32_t bits;
};

static void write_word(uint32_t bits, char after)
{
    char text[10];
    for (int k = 0; k < 8; k++) text[k] = "0123456789abcdef"[(bits >> (28 - 4 * k)) & 15u];
    text[8] = after;
    text[9] = 0;
    board_write(text);
}

static void write_named(const char *name, uint32_t number)
{
    board_write(name);
    write_word(number, '\n');
}

static model_state state;
static float x[MODEL_INPUTS], y[MODEL_OUTPUTS];

static void read_row(uint32_t step)
{
    for (uint32_t k = 0; k < MODEL_INPUTS; k++) {
        union word word;
        word.bits = board_input[step * MODEL_INPUTS + k];
        x[k] = word.value;
    }
}

static uint32_t ticks_of_a_step(void)
{
    const uint32_t start = board_ticks();
    model_step(&state, x, y);
    return board_ticks_since(start);
}

static void write_row(void)
{
    for (uint32_t k = 0; k < MODEL_OUTPUTS; k++) {
        union word word;
        word.value = y[k];
        write_word(word.bits, k + 1 < MODEL_OUTPUTS ? ' ' : '\n');
    }
}

int main(void)
{
    uint32_t shortest = UINT32_MAX, longest = 0;
    const uint32_t start = board_ticks();
    const uint32_t empty = board_ticks_since(start);

    model_reset(&state);
    model_step(&state, x, y);
    const uint32_t stack = board_stack_used();

    model_reset(&state);
    for (uint32_t step = 0; step < board_steps; step++) {
        read_row(step);
        const uint32_t ticks = ticks_of_a_step();
        if (ticks < shortest) shortest = ticks;
        if (ticks > longest) longest = ticks;
        write_row();
    }
    write_named("stack ", stack);
    write_named("empty ", empty);
    write_named("shortest ", shortest);
    write_named("longest ", longest);
    return 0;
}
