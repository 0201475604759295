/** Public documents behind the design rules, each with a letter that the findings cite. */
export const SOURCES = {
  tutorial: "T: SpikingJelly tutorial inference_on_lynxi (Lyngor 1.1, HP300)",
  exchange: "X: SpikingJelly lynxi_exchange.py",
  example: "E: SpikingJelly example lynxi_fmnist_inference.py",
  bidl: "B: GitHub LynxiTech/BIDL",
  documents: "D: GitHub LynxiTech/BIDL_doc_en",
  zoo: "Z: GitHub LynxiTechnology/Lynxi-model-zoo",
  yolo: "S: GitHub gaojs/SpikeYOLO (third party)",
  tracker: "O: GitHub MGCXR/OSTrack (third party)",
  nanhu: "N: community.nanhubrain.com, apu documents",
  measured: "M: measured with PyTorch, ONNX and ONNX Runtime",
  onnx: "ONNX specification",
  numerics: "IEEE 754 binary16, the precision that T names",
} as const;
