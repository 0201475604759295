/** The whole path for one config: train, then for each target quantize, export and verify. Shows itself on a display, writes no page. */
import { join } from "node:path";
import { type Dataset, openDataset } from "../../data/index.ts";
import { type Artefact, type DeploymentTarget, type FileInspection, targetById } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { type Network, saveCheckpoint } from "../../model/index.ts";
import {
  type FineTuneOutcome,
  fineTune,
  type QuantizationReport,
  writeQuantizationReport,
} from "../../quantize/index.ts";
import { type Config, type Evaluation, evaluate, type TrainOutcome, trainInDirectory } from "../../train/index.ts";
import { type ArtefactProof, NETWORK_FILE, verifyArtefact } from "../../verify/index.ts";
import { networkOfConfig } from "../config-file.ts";
import type { Progress } from "../progress.ts";
import { prepareNetwork, reportOf } from "../quantize/prepare.ts";
import { targetConfigOf } from "../run-config.ts";
import { trainingDisplay } from "../training-display.ts";

export interface TargetResult {
  target: DeploymentTarget;
  tuning: FineTuneOutcome;
  /** What each layer costs, as in `quantization.json`; null for targets that do not say it. */
  quantization: QuantizationReport | null;
  /** The prepared network on the test split. */
  prepared: Evaluation;
  artefact: Artefact;
  /** What the chip's file holds, read back from disk. */
  inspection: FileInspection;
  proof: ArtefactProof;
}

export interface PathResult {
  config: Config;
  dataset: Dataset;
  network: Network;
  training: TrainOutcome;
  /** The trained network on the test split. */
  float: Evaluation;
  targets: TargetResult[];
}

export interface PathOptions {
  /** Where the config was read, for messages. */
  configPath: string;
  directory: string;
  /** Where networks are trained, instead of what the config says. */
  device: string | undefined;
  progress: Progress;
  resume: boolean;
  shouldStop: () => boolean;
}

/** Runs everything below `directory`: `float/`, and for each target its name, with `export/` inside. The caller disposes the network. */
export async function runPath(config: Config, options: PathOptions): Promise<PathResult> {
  const { directory, progress } = options;
  const dataset = openDataset(config.dataset);
  const network = networkOfConfig(options.configPath, config.network, config.seed);
  progress.log(`Training ${network.parameterCount()} parameters on ${dataset.train.count} samples of ${dataset.name}`);
  const training = await trainInDirectory(network, dataset, {
    training: config.training,
    seed: config.seed,
    directory: join(directory, "float"),
    device: options.device,
    resume: options.resume,
    registry: layers,
    metadata: { config },
    shouldStop: options.shouldStop,
    ...trainingDisplay(progress, config.training.epochs),
  });
  const float = evaluate(network, dataset.test, { seed: config.seed });
  // a chip's twin is made from numbers that the host reads one by one
  network.to("cpu");
  const targets: TargetResult[] = [];
  for (const id of Object.keys(config.targets)) {
    targets.push(await runTarget(targetById(id), { network, accuracy: float.accuracy }, dataset, config, options));
  }
  return { config, dataset, network, training, float, targets };
}

async function runTarget(
  target: DeploymentTarget,
  trained: { network: Network; accuracy: number },
  dataset: Dataset,
  config: Config,
  { directory, device, progress, resume, shouldStop }: PathOptions,
): Promise<TargetResult> {
  const tuningConfig = targetConfigOf(config, target.id);
  progress.log(`Fitting to ${target.title}`);
  const fitting = prepareNetwork(target, trained.network, dataset, {
    tuning: tuningConfig,
    seed: config.seed,
    measure: true,
    trained: trained.accuracy,
    progress,
  });
  const prepared = fitting.twin;
  try {
    const tuning = await fineTune(prepared, dataset, {
      config,
      target: tuningConfig,
      targetId: target.id,
      registry: layers,
      directory: join(directory, target.id),
      device,
      resume,
      shouldStop,
      ...trainingDisplay(progress, tuningConfig.training.epochs),
    });
    prepared.to("cpu");
    const quantization = reportOf(target, tuningConfig, fitting, tuning);
    if (quantization) writeQuantizationReport(join(directory, target.id), quantization);
    const exportDirectory = join(directory, target.id, "export");
    const artefact = await target.export(prepared, exportDirectory);
    saveCheckpoint(join(exportDirectory, NETWORK_FILE), prepared, new Map(), { config, target: target.id });
    progress.log(`  wrote ${join(exportDirectory, artefact.file)}`);
    const proof = await verifyArtefact(exportDirectory, dataset.test, layers, {
      seed: config.seed,
      onProgress: (done, of) => progress.update(done, of, `verifying ${done} of ${of} samples`),
    });
    for (const { title, verdict } of proof.verdict.comparisons)
      progress.log(`  ${verdict.passed ? "proven" : "BROKEN"}: ${title}`);
    return {
      target,
      tuning,
      quantization,
      prepared: evaluate(prepared, dataset.test, { seed: config.seed }),
      artefact,
      inspection: await target.inspect(join(exportDirectory, artefact.file)),
      proof,
    };
  } finally {
    prepared.dispose();
  }
}
