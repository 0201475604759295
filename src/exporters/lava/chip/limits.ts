/** Ranges of the chip's numbers that files and networks are judged by. Source: lava `proc/lif/process.py` and `models.py`. */

/** Threshold mantissa: 17 bits. */
export const THRESHOLD_MAX = 131071;
/** Bias mantissa: 13 bits with sign. */
export const BIAS_MIN = -4096;
export const BIAS_MAX = 4095;
