/* Reads a sensor, says after every reading what the next one will be, and prints the forecasts of the last two years
   beside what came. The readings lie in flash here; a device would keep the last thirteen. */
#include "board.h"
#include "model.h"

static const float readings[] = {
#include "readings.inc"
};
enum { READINGS = sizeof readings / sizeof readings[0], YEAR = 12, SHOWN = 24 };

/* By how many per cent a reading is above the one before. */
static float growth(int k) { return 100.0f * (readings[k] / readings[k - 1] - 1.0f); }

/* A number of at least 0, with one digit after the point, in ten places. */
static void write_number(float value)
{
    char text[11] = "          ";
    uint32_t tenths = (uint32_t)(value * 10.0f + 0.5f);
    int at = 9;
    text[at--] = (char)('0' + tenths % 10u);
    text[at--] = '.';
    do {
        tenths /= 10u;
        text[at--] = (char)('0' + tenths % 10u);
    } while (tenths >= 10u && at >= 0);
    board_write(text);
}

static float distance(float a, float b) { return a < b ? b - a : a - b; }

int main(void)
{
    static model_state state;
    float ours = 0.0f, last = 0.0f, season = 0.0f;

    model_reset(&state);
    board_write("  forecast      came\n");
    for (int k = YEAR; k + 1 < READINGS; k++) {
        const float x[MODEL_INPUTS] = {growth(k), growth(k + 1 - YEAR)};
        float y[MODEL_OUTPUTS];
        model_step(&state, x, y);
        const float forecast = readings[k] * (1.0f + y[0] / 100.0f), came = readings[k + 1];
        if (k + 1 < READINGS - SHOWN) continue;
        write_number(forecast);
        write_number(came);
        board_write("\n");
        ours += distance(forecast, came) / SHOWN;
        last += distance(readings[k], came) / SHOWN;
        season += distance(readings[k] * (1.0f + x[1] / 100.0f), came) / SHOWN;
    }
    board_write("mean error of the LSTM                 ");
    write_number(ours);
    board_write("\n           of last year's growth again ");
    write_number(season);
    board_write("\n           of the last reading again   ");
    write_number(last);
    board_write("\n");
    return 0;
}
