"""Functions of an exported file on double, and of half precision, as `maths` has them on float: without a library.

Series are cut off where the next term is below half a unit in the last place of a double. A NaN stays one.
"""

from __future__ import annotations

_WORD = """union @word64 {
    uint64_t bits;
    double value;
};
"""

_BITS = """@INLINE double @bits64(uint64_t bits)
{
    union @word64 word;
    word.bits = bits;
    return word.value;
}
"""

_BITS_OF = """@INLINE uint64_t @bits_of64(double value)
{
    union @word64 word;
    word.value = value;
    return word.bits;
}
"""

_HALF = """/* The float that half precision stands for: 1 bit of sign, 5 of exponent, 10 of fraction; all finite. */
@INLINE float @half(uint16_t half)
{
    return @bits((uint32_t)(half & 0x8000u) << 16 | ((uint32_t)(half & 0x7fffu) << 13)) * 5.19229686e33f; /* 2^112 */
}
"""

_RINT = """/* To the nearest whole number, to the even one of two. */
@INLINE double @rint64(double x)
{
    const double big = x < 0.0 ? -4503599627370496.0 : 4503599627370496.0;
    return x > -4503599627370496.0 && x < 4503599627370496.0 ? (x + big) - big : x;
}
"""

_FLOOR = """@INLINE double @floor64(double x)
{
    const double near = @rint64(x);
    return near > x ? near - 1.0 : near;
}
"""

_CEIL = """@INLINE double @ceil64(double x)
{
    const double near = @rint64(x);
    return near < x ? near + 1.0 : near;
}
"""

_SQRT = """/* From an estimate of 1 / sqrt(x) in the bits, by Newton's method. */
static double @sqrt64(double x)
{
    double y, root;
    int again;
    if (!(x > 0.0 && x < @bits64(UINT64_C(0x7ff0000000000000))))
        return x < 0.0 ? @bits64(UINT64_C(0x7ff8000000000000)) : x;
    if (x < 2.2250738585072014e-308) return @sqrt64(x * 18014398509481984.0) * 7.450580596923828125e-9;
    y = @bits64(UINT64_C(0x5fe6eb50c7b537a9) - (@bits_of64(x) >> 1));
    for (again = 0; again < 4; ++again) y = y * (1.5 - 0.5 * x * y * y);
    root = x * y;
    return root + 0.5 * y * (x - root * root);
}
"""

_REST = """/* 2^*power (1 + result) = exp(x), x from -744 to 710, by the series of what is left below ln 2 / 2. */
static double @rest64(double x, int32_t *power)
{
    const double shifted = x * 1.4426950408889634 + 6755399441055744.0, n = shifted - 6755399441055744.0;
    const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    double sum = 1.0;
    int k;
    *power = (int32_t)(uint32_t)(@bits_of64(shifted) & 0xfffu) - (@bits_of64(shifted) & 0x800u ? 4096 : 0);
    for (k = 14; k > 1; --k) sum = 1.0 + sum * r / (double)k;
    return r * sum;
}
"""

_POWER = """/* 2^power, power from -1022 to 1023. */
@INLINE double @power64(int32_t power)
{
    return @bits64((uint64_t)(uint32_t)(power + 1023) << 52);
}
"""

_EXP = """static double @exp64(double x)
{
    int32_t power;
    double rest;
    if (x > 709.782712893384 || x < -745.2) return x > 0.0 ? @bits64(UINT64_C(0x7ff0000000000000)) : 0.0;
    rest = @rest64(x, &power);
    return (1.0 + rest) * @power64(power / 2) * @power64(power - power / 2);
}
"""

_EXPM1 = """static double @expm164(double x)
{
    int32_t power;
    double rest, scale;
    if (x > 709.782712893384) return @bits64(UINT64_C(0x7ff0000000000000));
    if (x < -40.0) return -1.0;
    rest = @rest64(x, &power);
    if (power > 1000) return @exp64(x);
    scale = @power64(power);
    return scale * rest + (scale - 1.0);
}
"""

_LOG = """/* 2 artanh(s), s the quotient that brings x / 2^e, around 1, to the middle of the series. */
static double @log64(double x)
{
    const int small = x < 2.2250738585072014e-308;
    const uint64_t up = @bits_of64(small ? x * 18014398509481984.0 : x) - UINT64_C(0x3fe6a09e667f3bcd);
    const double e = (double)((int32_t)(uint32_t)(up >> 52) - (up >> 63 ? 4096 : 0) - (small ? 54 : 0));
    const double m = @bits64((up & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd));
    const double s = (m - 1.0) / (m + 1.0), z = s * s;
    double sum = 0.0;
    int k;
    if (!(x > 0.0 && x < @bits64(UINT64_C(0x7ff0000000000000)))) {
        if (x < 0.0) return @bits64(UINT64_C(0x7ff8000000000000));
        return x <= 0.0 ? @bits64(UINT64_C(0xfff0000000000000)) : x;
    }
    for (k = 23; k > 1; k -= 2) sum = (sum + 1.0 / (double)k) * z;
    return e * 0.693147180369123816490 + (2.0 * s + (2.0 * s * sum + e * 1.90821492927058770002e-10));
}
"""

_LOG1P = """/* What rounding 1 + x has changed is put right (Kahan). */
static double @log1p64(double x)
{
    const double above = 1.0 + x, rounded = above - 1.0;
    if (rounded >= 0.0 && rounded <= 0.0) return x;
    return above > 1e17 || !(above > 0.0) ? @log64(above) : @log64(above) * (x / rounded);
}
"""

_ARCSINH = """static double @arcsinh64(double x)
{
    const double size = x < 0.0 ? -x : x;
    const double found = size > 1e9 ? @log64(size) + 0.693147180559945309
                                    : @log1p64(size + size * size / (1.0 + @sqrt64(1.0 + size * size)));
    return x < 0.0 ? -found : found;
}
"""

_TANH = """static double @tanh64(double x)
{
    const double size = x < 0.0 ? -x : x, up = @expm164(2.0 * (size > 20.0 ? 20.0 : size));
    return x < 0.0 ? -up / (up + 2.0) : up / (up + 2.0);
}
"""

DOUBLES = {
    "word64": _WORD,
    "bits64": _BITS,
    "bits_of64": _BITS_OF,
    "half": _HALF,
    "rint64": _RINT,
    "floor64": _FLOOR,
    "ceil64": _CEIL,
    "sqrt64": _SQRT,
    "rest64": _REST,
    "power64": _POWER,
    "exp64": _EXP,
    "expm164": _EXPM1,
    "log64": _LOG,
    "log1p64": _LOG1P,
    "arcsinh64": _ARCSINH,
    "tanh64": _TANH,
}
"""By name, each after those that it calls."""
