/** The pictures of a report: pure functions from numbers to inline SVG. They know nothing of runs or chips. */
export { type BarChart, barChart } from "./bars.ts";
export { type ChainBox, type ChainChart, chainChart } from "./chain.ts";
export { type ConfusionChart, confusionChart } from "./confusion.ts";
export { figure, legend, type Tone } from "./frame.ts";
export { type HistogramChart, histogramChart } from "./histogram.ts";
export { imageChart } from "./image.ts";
export { lineChart } from "./line.ts";
export { rasterChart } from "./raster.ts";
export { formatPercentTick } from "./scale.ts";
