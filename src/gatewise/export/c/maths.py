"""The functions of an exported file, on float, without a library.

``python -m benchmarks device ulp`` measures them over every float32.

They use sums, products, quotients and integer operations on the bits only, so every processor with IEEE 754 gives the
same bits. Exponentials are ratios: with h = y / 2, exp(y) = (p + q) / (p - q), q = h (15 + h^2), p = 15 + 6 h^2, the
continued fraction of tanh(h) (Abramowitz and Stegun, 4.5.70), to 6e-9 for |y| <= ln 2 / 2; a sigmoid or tanh takes one
division. Bits are clamped, not compared, which every compiler vectorises; sigmoid, tanh and log_sigmoid treat a NaN as
a large number.
"""

from __future__ import annotations

import re

from .doubles import DOUBLES

BOUND = 2.5e-7
"""The largest absolute error of sigmoid and tanh, over every float32."""

HEAD = """union @word {
    uint32_t bits;
    float value;
};
"""

_BITS = """@INLINE float @bits(uint32_t bits)
{
    union @word word;
    word.bits = bits;
    return word.value;
}
"""

_CLAMP = """/* From -32 to 32, by the bits of the magnitude. */
@INLINE float @clamp(float x)
{
    union @word word;
    uint32_t sign, size;
    word.value = x;
    sign = word.bits & 0x80000000u;
    size = word.bits & 0x7fffffffu;
    size = size > 0x42000000u ? 0x42000000u : size;
    word.bits = size | sign;
    return word.value;
}
"""

_POWER = """/* 2^t = *above / result, t from -96 to 96. */
@INLINE float @power(float t, float *above)
{
    union @word whole, top;
    float f, q, p;
    whole.value = t + 12582912.0f; /* its last bits are t, rounded */
    f = t - (whole.value - 12582912.0f);
    q = f * (124.882139f + f * f);
    p = 360.333685f + 17.312340f * (f * f);
    top.value = p + q;
    top.bits += whole.bits << 23;
    *above = top.value;
    return p - q;
}
"""

_SIGMOID = """@INLINE float @sigmoid(float x)
{
    float above;
    const float below = @power(@clamp(x) * -1.44269504f, &above);
    return below / (below + above);
}
"""

_TANH = """@INLINE float @tanh(float x)
{
    float above;
    const float below = @power(@clamp(x) * -2.88539008f, &above);
    return (below - above) / (below + above);
}
"""

_EXP = """/* From 2^-126 to 2^127.99, where it stays. */
@INLINE float @exp(float x)
{
    union @word whole, word;
    const float bounded = x < -87.33f ? -87.33f : (x > 88.72f ? 88.72f : x);
    float n, h, q, p;
    whole.value = bounded * 1.44269504f + 12582912.0f;
    n = whole.value - 12582912.0f;
    h = 0.5f * ((bounded - n * 0.693359375f) + n * 2.12194440e-4f);
    q = h * (15.0f + h * h);
    p = 15.0f + 6.0f * (h * h);
    word.value = (p + q) / (p - q);
    word.bits += whole.bits << 23;
    return word.value;
}
"""

_LOG = """@INLINE float @log(float x)
{
    union @word word;
    uint32_t up;
    float e, s, z, sum;
    word.value = x;
    up = word.bits - 0x3f3504f3u; /* less sqrt(1/2), so that what is left lies around 1 */
    e = (float)((int32_t)(up & 0xff800000u) / 8388608);
    word.bits = (up & 0x007fffffu) + 0x3f3504f3u;
    s = (word.value - 1.0f) / (word.value + 1.0f);
    z = s * s;
    sum = 2.0f * s + s * (z * (0.666666667f + z * (0.4f + z * (0.285714286f + z * 0.222222222f))));
    sum = (sum - e * 2.12194440e-4f) + e * 0.693359375f;
    return x > 0.0f ? sum : (x < 0.0f ? @bits(0x7fc00000u) : @bits(0xff800000u));
}
"""

_LOG_SIGMOID = """/* min(x, 0) - log(1 + exp(-|x|)), the logarithm as 2 artanh(e / (2 + e)). */
@INLINE float @log_sigmoid(float x)
{
    float above;
    const float below = @power(@abs(@clamp(x)) * -1.44269504f, &above);
    const float s = above / (below + below + above);
    const float z = s * s;
    const float tail = 0.0909090909f + z * 0.0769230769f;
    const float sum = z * (0.333333333f + z * (0.2f + z * (0.142857143f + z * (0.111111111f + z * tail))));
    return @minimum(x, 0.0f) - 2.0f * (s + s * sum);
}
"""

_SQRT = """/* From an estimate of 1 / sqrt(x) in the bits, by Newton's method. */
@INLINE float @sqrt(float x)
{
    union @word word;
    float y, root;
    int again;
    word.value = x;
    word.bits = 0x5f3759dfu - (word.bits >> 1);
    y = word.value;
    for (again = 0; again < 3; ++again) y = y * (1.5f - 0.5f * x * y * y);
    root = x * y;
    return root + 0.5f * y * (x - root * root);
}
"""

_QUARTERS = """/* The sine of x + shift * pi / 2, x from -8192 to 8192, by the quarter of the circle that it is in. */
@INLINE float @quarters(float x, uint32_t shift)
{
    union @word whole;
    float n, r, z, odd, even, wave;
    whole.value = x * 0.636619772f + 12582912.0f;
    n = whole.value - 12582912.0f;
    r = ((x - n * 1.5703125f) - n * 4.83751297e-4f) - n * 7.54978995e-8f;
    z = r * r;
    odd = r + r * (z * (-0.166666546f + z * (0.00833216087f - z * 0.000195152959f)));
    even = 1.0f - 0.5f * z + z * z * (0.0416666456f - z * (0.00138873163f - z * 0.0000244331571f));
    wave = (whole.bits + shift) & 1u ? even : odd;
    return (whole.bits + shift) & 2u ? -wave : wave;
}
"""

_FLOOR = """@INLINE float @floor(float x)
{
    const int small = @abs(x) < 8388608.0f;
    const float whole = (float)(int32_t)(small ? x : 0.0f);
    return small ? (x < whole ? whole - 1.0f : whole) : x;
}
"""

_SUM = """static float @sum(const float *a, size_t count)
{
    float sum = 0.0f;
    size_t k;
    for (k = 0; k < count; ++k) sum += a[k];
    return sum;
}
"""

_MEAN = """static float @mean(const float *a, size_t count)
{
    float sum = 0.0f;
    size_t k;
    for (k = 0; k < count; ++k) sum += a[k];
    return sum / (float)count;
}
"""

_AMAX = """static float @amax(const float *a, size_t count)
{
    float largest = a[0];
    size_t k;
    for (k = 1; k < count; ++k) largest = largest < a[k] ? a[k] : largest;
    return largest;
}
"""

_WITHIN = "x > -{0} ? (x < {0} ? x : {0}) : -{0}"

_NEAREST = """/* The nearest whole number, of x from -32767 to 32767. */
@INLINE int16_t @nearest(float x)
{
    union @word word;
    word.value = x + 12582912.0f;
    return (int16_t)((int32_t)word.bits - 0x4b400000);
}
"""

_NARROW = f"""@INLINE int16_t @narrow(float x)
{{
    return @nearest({_WITHIN.format("32767.0f")});
}}
"""

_WIDE = f"""/* Towards zero. */
@INLINE int32_t @wide(float x)
{{
    return (int32_t)({_WITHIN.format("2147483520.0f")});
}}
"""

_PAIR = """@INLINE uint32_t @pair(const int16_t *v)
{
    return (uint32_t)(uint16_t)v[0] | (uint32_t)(uint16_t)v[1] << 16;
}
"""

_SINGLE = """@INLINE uint32_t @single(const int16_t *v)
{
    return (uint32_t)(uint16_t)v[0];
}
"""

_DOT2 = """#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32)
#include <arm_acle.h>
#define @SMLAD(sum, w, two) __smlad(__sxtb16((int8x4_t)(w)), (int16x2_t)(two), sum)
#else
#define @SMLAD(sum, w, two) \\
    (sum + (int8_t)(uint8_t)((w) & 0xffu) * (int16_t)(uint16_t)((two) & 0xffffu) + \\
     (int8_t)(uint8_t)((w) >> 16 & 0xffu) * (int16_t)(uint16_t)((two) >> 16))
#endif

/* Bytes 0 and 2 of w by both halves of low. */
@INLINE int32_t @dot2(int32_t sum, uint32_t w, uint32_t low)
{
    return @SMLAD(sum, w, low);
}
"""

_DOT4 = """/* Bytes 0 and 2 of w by both halves of low, bytes 1 and 3 by those of high. */
@INLINE int32_t @dot4(int32_t sum, uint32_t w, uint32_t low, uint32_t high)
{
    return @dot2(@dot2(sum, w, low), w >> 8, high);
}
"""

FUNCTIONS = {
    "bits": _BITS,
    "abs": "@INLINE float @abs(float x)\n{\n    union @word word;\n    word.value = x;\n"
    "    word.bits &= 0x7fffffffu;\n    return word.value;\n}\n",
    "maximum": "@INLINE float @maximum(float a, float b)\n{\n    return a < b ? b : a;\n}\n",
    "minimum": "@INLINE float @minimum(float a, float b)\n{\n    return b < a ? b : a;\n}\n",
    "relu": "@INLINE float @relu(float x)\n{\n    return x > 0.0f ? x : 0.0f;\n}\n",
    "clamp": _CLAMP,
    "power": _POWER,
    "sigmoid": _SIGMOID,
    "tanh": _TANH,
    "exp": _EXP,
    "log": _LOG,
    "log_sigmoid": _LOG_SIGMOID,
    "sqrt": _SQRT,
    "quarters": _QUARTERS,
    "sin": "@INLINE float @sin(float x)\n{\n    return @quarters(x, 0u);\n}\n",
    "cos": "@INLINE float @cos(float x)\n{\n    return @quarters(x, 1u);\n}\n",
    "floor": _FLOOR,
    "mean": _MEAN,
    "sum": _SUM,
    "amax": _AMAX,
    "nearest": _NEAREST,
    "narrow": _NARROW,
    "wide": _WIDE,
    "pair": _PAIR,
    "single": _SINGLE,
    "dot2": _DOT2,
    "dot4": _DOT4,
    **DOUBLES,
}
"""By name, each after those that it calls. ``@`` stands for the prefix, ``@INLINE`` for a macro."""

_CALL = re.compile(r"@(\w+)")


def functions_called(calls: set[str]) -> list[str]:
    """The text of these functions and of all that they call, each after those."""
    needed, waiting = set[str](), list(calls)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [other for other in _CALL.findall(FUNCTIONS[name]) if other in FUNCTIONS]
    return [text for name, text in FUNCTIONS.items() if name in needed]
