"""A detector in C: the statements of `Watch`, `Alarm`, `Tail`, `Shapes` and `Runs`, a row a call.

``@`` stands for the prefix of the file, as in `gatewise.export.c`; macros have the sizes and bounds of the Python that
they are named after. The mean of five surprises is taken in double, so that its order does not matter, and no two that
are equal in Python are told apart.
"""

COMMENT = """/* Written by gatewise {version}: a detector of anomalies, row by row.

   Of {about}; it goes on after {known:,} rows, with a season of {season} and {rate:g} alerts a row.
   {expected}

   Flash: {sizes.flash:,} bytes of numbers, of what is remembered among them. RAM: {sizes.ram:,} bytes for each state.
   Stack: {sizes.stack:,} bytes of arrays in a step, and what registers need. A step takes {sizes.macs:,}
   multiplications with additions at most. No heap, no library, no data that changes but the state, which may be copied
   as it is.

   A step says of a row: its score, 0 to 1; its surprise, in decades; what that was to exceed for an alert; the kind of
   the alert that it belongs to, {kinds}, or -1; whether an alert begins, 1 or 0; and what was expected. A NaN stands
   for a missing row. Values are floats: distances that agree to seven digits may change their ranks.

   C99 or C++. Without contraction of products and sums (-ffp-contract=off, or -std=c99 with GCC) every compiler and
   processor with IEEE 754 arithmetic gives the same bits; -ffast-math takes missing rows for numbers.
*/
"""

DECLARATIONS = """
#ifndef @CAPITAL_H
#define @CAPITAL_H

#include <stddef.h>
#include <stdint.h>

@MACROS
#ifdef __cplusplus
extern "C" {
#endif

@STRUCTS
/* Back to where the detector stood when it was written; also before the first step. */
void @reset(@state *state);

/* One row: x has 1 number, y gets @CAPITAL_OUTPUTS. They must not overlap. */
void @step(@state *state, const float *x, float *y);

/* So many rows: x has steps numbers, y gets steps * @CAPITAL_OUTPUTS. */
void @run(@state *state, const float *x, float *y, size_t steps);

#ifdef @CAPITAL_SELFTEST
/* 0 where rows are told as by the detector that was written, else the number of the first that is not, from 1. It takes
   the RAM of a further state. */
int @selftest(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
"""

STRUCTS = """typedef struct @numbers { /* the latest of one kind, in order (from next on, where full) and by size */
    float past[@WINDOW], ranked[@WINDOW];
    uint32_t count, next;
} @numbers;

typedef struct @tail { /* the same, in order only */
    float past[@WINDOW];
    uint32_t count, next;
} @tail;

typedef struct @runs {
    uint32_t rows, longest, length, usual;
} @runs;

@TYPEStypedef struct @state {
@WIDE    float values[2 * @MEMORY]; /* the past, a NaN where nothing was observed */
    uint32_t count;
    @numbers usual, surprises, peaks;
    @tail tails[@SIGNALS];
    @runs gaps, freezes;
    float away[@LATEST], errors[@LATEST]; /* the latest surprises by the usual level, and by what was expected */
    uint32_t seen; /* how many of these there are */
    float last, held, peak, bound;
    uint32_t rows, risen, exceeded, began;
    int32_t kind;
@NARROW} @state;
"""

MISSING = """@INLINE int @missing(float x)
{
    union @word word;
    word.value = x;
    return (word.bits & 0x7fffffffu) > 0x7f800000u;
}
"""

RANKS = """/* How many of the first `count` of rising numbers are below x. */
static uint32_t @below(const float *ranked, uint32_t count, float x)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2u;
        if (ranked[middle] < x) low = middle + 1u;
        else high = middle;
    }
    return low;
}

static void @add(@numbers *numbers, float x)
{
    uint32_t at, end = numbers->count;
    if (@missing(x)) return;
    if (end == @WINDOW) {
        for (at = @below(numbers->ranked, end, numbers->past[numbers->next]); at + 1u < end; ++at)
            numbers->ranked[at] = numbers->ranked[at + 1u];
        --end;
    } else {
        ++numbers->count;
    }
    numbers->past[numbers->next] = x;
    numbers->next = (numbers->next + 1u) % @WINDOW;
    at = @below(numbers->ranked, end, x);
    for (; end > at; --end) numbers->ranked[end] = numbers->ranked[end - 1u];
    numbers->ranked[at] = x;
}

static void @add_to_tail(@tail *tail, float x)
{
    if (@missing(x)) return;
    tail->past[tail->next] = x;
    tail->next = (tail->next + 1u) % @WINDOW;
    if (tail->count < @WINDOW) ++tail->count;
}

static float @surprise(@tail *tail, float x)
{
    const uint32_t count = tail->count;
    uint32_t at, larger = 1;
    float found = 0.0f;
    if (count >= @FEWEST && @missing(x)) found = x;
    else if (count >= @FEWEST) {
        for (at = 0; at < count; ++at) larger += tail->past[at] >= x;
        found = -@DECADES * @log((float)larger / (float)(1u + count));
    }
    @add_to_tail(tail, x);
    return found;
}
"""

SHAPES_OF_THE_PAST = """/* For each length the least mean squared distance of the latest rows to the past, or a NaN. */
static void @measure(const @state *state, float *least)
{
    static const uint32_t lengths[@SHAPES] = {@LENGTHS};
    const uint32_t count = state->count;
    uint32_t end, shape;
    for (shape = 0; shape < @SHAPES; ++shape) least[shape] = @bits(0x7fc00000u);
    for (end = lengths[0]; end < count; ++end) { /* of a stretch that ends before this row */
        float sum = 0.0f;
        uint32_t row = 0, at;
        for (shape = 0; shape < @SHAPES && lengths[shape] <= end && end + lengths[shape] <= count; ++shape) {
            for (; row < lengths[shape]; row += 8u) {
                float part = 0.0f;
                for (at = row + 1u; at <= row + 8u; ++at) {
                    const float gap = state->values[count - at] - state->values[end - at];
                    part += gap * gap;
                }
                sum += part;
            }
            if (sum < least[shape] || @missing(least[shape])) least[shape] = sum;
        }
    }
    for (shape = 0; shape < @SHAPES; ++shape) least[shape] /= (float)lengths[shape];
}

static void @remember(@state *state, float x)
{
    state->values[state->count++] = x;
}

static void @forget(@state *state)
{
    uint32_t at;
    if (state->count < 2u * @MEMORY) return;
    for (at = 0; at < @MEMORY; ++at) state->values[at] = state->values[@MEMORY + at];
    state->count = @MEMORY;
}

"""

RUNS = """static int @stands_out(@runs *runs, int goes_on, uint32_t least)
{
    const uint32_t twice = runs->longest > 0x7fffffffu ? 0xffffffffu : 2u * runs->longest;
    if (goes_on) {
        if (runs->length == 0) runs->usual = runs->rows < @KNOWN;
        ++runs->length;
    } else {
        runs->longest = runs->longest < runs->length ? runs->length : runs->longest;
        runs->length = 0;
    }
    ++runs->rows;
    return goes_on && !runs->usual && runs->length >= (least < twice ? twice : least);
}
"""

ALARM = """/* What the next surprise is to exceed. */
static float @level(const @state *state)
{
    const @numbers *surprises = &state->surprises, *peaks = &state->peaks;
    const uint32_t count = surprises->count;
    const double due = @RATE * ((double)state->rows + 1.0);
    float level = 0.0f;
    if (count < @FEWEST) return @bits(0x7f800000u);
    if (due < 1.0) {
        const uint32_t top = count < 2u * @TENTH ? 1u : count / @TENTH;
        const float edge = surprises->ranked[count - 1u - top];
        const float beyond = @log((float)((double)top / (double)count / @RATE));
        double sum = 0.0;
        uint32_t at;
        for (at = count - top; at < count; ++at) sum += (double)surprises->ranked[at];
        level = edge + ((float)(sum / (double)top) - edge) * (beyond > 0.0f ? beyond : 0.0f);
    } else if (due - 1.0 < (double)peaks->count) {
        level = peaks->ranked[peaks->count - (uint32_t)due];
    }
    return level < @MILDEST ? @MILDEST : level;
}

static int @is_raised(const @state *state)
{
    return state->began && state->rows - state->exceeded <= @QUIET;
}

/* Whether an alert begins. */
static int @begins(@state *state, float surprise, float level, int certain)
{
    const @numbers *surprises = &state->surprises;
    const int first = !@is_raised(state);
    const uint32_t rest = surprises->count < @REST ? surprises->count : @REST;
    float most = 0.0f;
    uint32_t back;
    int highest, found;
    for (back = 1; back <= rest; ++back) {
        const float one = surprises->past[(surprises->next + @WINDOW - back) % @WINDOW];
        most = most < one ? one : most;
    }
    highest = surprise > most;
    if (highest) {
        if (state->rows - state->risen > @QUIET) {
            @add(&state->peaks, state->peak);
            state->peak = 0.0f;
        }
        state->peak = state->peak < surprise ? surprise : state->peak;
        state->risen = state->rows;
    }
    found = first && (certain || (highest && surprise > level));
    if (found) {
        state->bound = level < @LARGEST ? level : @LARGEST;
        state->began = 1;
    }
    if (found || certain || (!first && surprise > state->bound)) state->exceeded = state->rows;
    @add(&state->surprises, surprise);
    ++state->rows;
    return found;
}

static int32_t @kind(const @state *state, int begins)
{
    uint32_t at, odd = 0, far = 0;
    for (at = 0; at < state->seen; ++at) {
        const float error = state->errors[at], away = state->away[at];
        odd += error >= @UNUSUAL || (away > error && away >= @UNUSUAL);
        far += away >= @UNUSUAL;
    }
    if (far == @LATEST) return @LEVEL;
    if (odd == 0) return begins ? @SHAPE : state->kind;
    return odd < @SOME ? @SPIKE : @SHAPE;
}
"""

STEP = """void @step(@state *state, const float *x, float *y)
{
    const float value = x[0], expected = @expect(state);
    const float usual = state->usual.count < @FEWEST ? @bits(0x7fc00000u)
                                                      : state->usual.ranked[state->usual.count / 2u];
    float away[@SIGNALS], surprise, level;
    uint32_t told = 0, at;
    double sum = 0.0;
    int gap, frozen, begins;
    int32_t run, kind;
    away[0] = @abs(value - expected);
    away[1] = @abs(value - usual);
    @remember(state, value);
    @measure(state, away + 2);
    @forget(state);
    for (at = 0; at < @SIGNALS; ++at) {
        away[at] = @surprise(&state->tails[at], away[at]);
        if (!@missing(away[at])) sum += (double)away[at], ++told;
    }
    @add(&state->usual, value);
    for (at = @LATEST - 1u; at > 0; --at) {
        state->errors[at] = state->errors[at - 1u];
        state->away[at] = state->away[at - 1u];
    }
    state->errors[0] = away[0];
    state->away[0] = away[1];
    if (state->seen < @LATEST) ++state->seen;
    gap = @stands_out(&state->gaps, @missing(value), @SHORTEST_GAP);
    frozen = @stands_out(&state->freezes, value <= state->last && value >= state->last, @SHORTEST_FREEZE);
    if (!@missing(value)) state->last = value;
    run = gap ? @GAP : frozen ? @FROZEN : @NO_KIND;
    surprise = told ? (float)(sum / (double)told) : 0.0f;
    level = @level(state);
    begins = @begins(state, surprise, level, run != @NO_KIND);
    state->held = @FADING * state->held;
    if (state->held < surprise) state->held = surprise;
    kind = @NO_KIND;
    if (state->began && state->rows - 1u == state->exceeded) kind = state->kind = @kind(state, begins);
    if (run != @NO_KIND) kind = run;
    y[0] = 1.0f - @exp(-@NATURAL * state->held);
    y[1] = surprise;
    y[2] = level;
    y[3] = (float)kind;
    y[4] = begins ? 1.0f : 0.0f;
    y[5] = expected;
}

void @run(@state *state, const float *x, float *y, size_t steps)
{
    for (; steps > 0; --steps, ++x, y += @OUTPUTS) @step(state, x, y);
}
"""

BEGINNING = """/* Nothing is known. */
static void @forget_all(@state *state)
{
    uint32_t at;
    state->count = state->seen = state->rows = state->risen = state->exceeded = state->began = 0;
    state->usual.count = state->usual.next = state->surprises.count = state->surprises.next = 0;
    state->peaks.count = state->peaks.next = 0;
    for (at = 0; at < @SIGNALS; ++at) state->tails[at].count = state->tails[at].next = 0;
    state->gaps.rows = state->gaps.longest = state->gaps.length = 0;
    state->freezes.rows = state->freezes.longest = state->freezes.length = 0;
    state->held = state->peak = 0.0f;
    state->last = @bits(0x7fc00000u);
    state->bound = @bits(0x7f800000u);
    state->kind = @SHAPE;
    state->gaps.usual = state->freezes.usual = 1;
@BEGINNING}
"""

PREPARED = """        if (!@prepare(&state, row)) return (int)row + 1;
"""

SELFTEST = """#ifdef @CAPITAL_SELFTEST
@GOLDEN
static int @near(float found, float told, float most)
{
    const float gap = found - told;
    return (@missing(found) && @missing(told)) || (found >= told && found <= told) || (gap <= most && -gap <= most);
}

@PREPAREint @selftest(void)
{
    static @state state;
    float x, y[@OUTPUTS];
    uint32_t row, at;
    @forget_all(&state);
    for (row = 0; row < @ROWS; ++row) {
        x = @bits(@golden_rows[row]);
@PREPARED        @step(&state, &x, y);
        for (at = 0; at < @OUTPUTS; ++at)
            if (!@near(y[at], @bits(@golden[row * @OUTPUTS + at]), @TOLERANCE)) return (int)row + 1;
    }
    @reset(&state);
    x = @bits(@golden_next);
    @step(&state, &x, y);
    if (!@near(y[1], @bits(@golden_then[0]), @NEXT_TOLERANCE)) return (int)@ROWS + 1;
    if (!@near(y[2], @bits(@golden_then[1]), @TOLERANCE * (1.0f + @abs(y[2])))) return (int)@ROWS + 1;
    if (!@near(y[5], @bits(@golden_then[4]), @EXPECTED_TOLERANCE)) return (int)@ROWS + 1;
    return 0;
}
#endif
"""
