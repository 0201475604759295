/** Public documents behind the design rules. */
export const SOURCES = {
  tutorial: "SpikingJelly tutorial inference_on_lynxi (Lyngor 1.1, HP300)",
  exchange: "SpikingJelly lynxi_exchange.py",
  bidl: "GitHub LynxiTech/BIDL",
  documents: "GitHub LynxiTech/BIDL_doc_en",
  zoo: "GitHub LynxiTechnology/Lynxi-model-zoo",
  yolo: "GitHub gaojs/SpikeYOLO (third party)",
  tracker: "GitHub MGCXR/OSTrack (third party)",
  onnx: "ONNX specification",
  numerics: "IEEE 754 binary16, the precision that SpikingJelly's Lynxi tutorial names",
} as const;
