/**
 * Optimizers: SGD, Adam and AdamW in PyTorch's order of operations, computed by the native core. They know parameters by name, and
 * neither networks nor schedules.
 */
import { fail, formatShape, parseWith, sameShape } from "../core/index.ts";
import { core, type Device } from "../kernels/index.ts";
import { keep, Tensor } from "../tensor/index.ts";
import { failNorm } from "./clip.ts";
import { type OptimizerConfig, type OptimizerInput, optimizerSchema } from "./optimizer-config.ts";
import { failAtEveryScale, type LossScaleState } from "./step/loss-scale.ts";
import { StepControl } from "./step/step-control.ts";
import { coreRules, type StepRules } from "./step/step-rules.ts";

export * from "./optimizer-config.ts";
export type { StepRules } from "./step/step-rules.ts";

/** What has to be stored to continue: moments by `parameter/moment`, step counts by `parameter/step`. */
export type OptimizerState = Map<string, Tensor | number>;

interface Entry {
  name: string;
  parameter: Tensor;
  rateFactor: number;
  weightDecay: number;
  /** Running values, made before the first step. */
  moments: Tensor[] | null;
}

const MOMENTS: Record<OptimizerConfig["kind"], readonly string[]> = {
  sgd: ["momentum"],
  adam: ["mean", "variance"],
  adamw: ["mean", "variance"],
};

export class Optimizer {
  /** Rate of the next step, before each group's factor. A schedule sets it. */
  learningRate: number;
  readonly config: OptimizerConfig;
  readonly #entries: Entry[];
  #control: StepControl | null = null;

  /** `parameters`: leaves by name, float32. They stay the caller's. @throws OPTION when a group fits no parameter */
  constructor(config: OptimizerInput, parameters: ReadonlyMap<string, Tensor>) {
    this.config = parseWith(optimizerSchema, config, "optimizer");
    this.learningRate = this.config.learningRate;
    this.#entries = [...parameters].map(([name, parameter]) => this.#entry(name, parameter));
    this.config.groups.forEach(({ prefix }, i) => {
      if (!this.#entries.some(({ name }) => name.startsWith(prefix))) {
        const names = this.#entries.map(({ name }) => name).join(", ");
        fail("OPTION", {
          where: `optimizer.groups.${i}.prefix`,
          expected: `the beginning of one of ${names}`,
          got: `"${prefix}"`,
        });
      }
    });
  }

  #entry(name: string, parameter: Tensor): Entry {
    const group = this.config.groups.find(({ prefix }) => name.startsWith(prefix));
    return {
      name,
      parameter,
      rateFactor: group?.rateFactor ?? 1,
      weightDecay: group?.weightDecay ?? this.config.weightDecay,
      moments: null,
    };
  }

  /**
   * One update of every parameter that has a gradient, in place. A device is not waited for: `settle` tells what it found. On the CPU this does.
   * @throws VALUE as `settle`
   */
  step(rules: StepRules = {}): void {
    this.prepare();
    this.queue(rules);
    if (this.#device === "cpu") this.settle();
  }

  get #device(): Device {
    return this.#entries[0]?.parameter.device ?? "cpu";
  }

  /** Makes ready what `queue` needs, where the parameters lie: running values, and the learning rate on the device. */
  prepare(): void {
    this.#stored().learningRate = this.learningRate;
    const names = this.#momentNames();
    for (const entry of this.#entries) {
      const { shape, device } = entry.parameter;
      entry.moments ??= names.map(() => keep(Tensor.zeros(shape, { device })));
      for (const moment of entry.moments) moment.relocate(device);
    }
  }

  /** What the device keeps, where the parameters lie. */
  #stored(): StepControl {
    const device = this.#device;
    this.#control ??= new StepControl(this.#entries.length, device);
    this.#control.relocate(device);
    return this.#control;
  }

  /**
   * The step as one call that may be recorded, after `prepare`. `loss` (one number): where it is not finite, this step and all that follow are
   * left out until `settle` has told.
   */
  queue(rules: StepRules, loss: Tensor | null = null): void {
    const taken = this.#entries.map((entry, number) => ({ entry, number, grad: entry.parameter.grad }));
    const given = taken.filter(({ entry, grad }) => grad && expectGradient(entry, grad));
    if (given.length === 0) return;
    core().optimizerStep({
      rules: coreRules(this.config, rules),
      params: given.map(({ entry }) => entry.parameter.buffer),
      grads: given.map(({ grad }) => grad!.buffer),
      first: given.map(({ entry }) => entry.moments?.[0]?.buffer ?? 0),
      second: given.map(({ entry }) => entry.moments?.[1]?.buffer ?? 0),
      numbers: Float64Array.from(
        given.flatMap(({ entry, number }) => [entry.parameter.size, number, entry.rateFactor, entry.weightDecay]),
      ),
      control: this.#control!.buffer,
      loss: loss?.buffer ?? 0,
    });
  }

  /**
   * Waits for the steps that were begun. @throws VALUE when one of them was not taken, nor any after it: the loss or the norm that clips was
   * not finite, or gradients were not at any scale
   */
  settle(): void {
    const found = this.#control?.head();
    if (!found || found.halted === "running") return;
    this.resume();
    if (found.halted === "norm") failNorm(found.norm);
    if (found.halted === "scale") failAtEveryScale();
    fail("VALUE", { where: "optimizer step", expected: "a finite loss", got: "one that is not" });
  }

  /** Takes steps again after one that could not be taken. */
  resume(): void {
    this.#control?.write({});
  }

  /** Memory that a recorded step changes in place or reads: in other memory, it has to be recorded again. */
  get memory(): readonly number[] {
    const own = this.#entries.flatMap(({ parameter, moments }) => [parameter, ...(moments ?? [])]);
    return [this.#control?.buffer ?? 0, ...own.map((tensor) => tensor.buffer)];
  }

  /** x (one number) times the loss's scale, as the device knows it when this runs. */
  scaledByLossScale(x: Tensor): Tensor {
    const scaled = Tensor.empty(x.shape);
    core().binary("mul", x.buffer, this.#stored().buffer, scaled.buffer, 1);
    return scaled;
  }

  /** Waits for the steps that were begun. */
  get lossScale(): LossScaleState {
    const { scale, goodSteps } = this.#stored().head();
    return { scale, goodSteps };
  }

  set lossScale(state: LossScaleState) {
    this.#stored().write(state);
  }

  #momentNames(): readonly string[] {
    return this.config.kind === "sgd" && this.config.momentum === 0 ? [] : MOMENTS[this.config.kind];
  }

  /** Forgets and frees all gradients. */
  zeroGrad(): void {
    for (const { parameter } of this.#entries) {
      parameter.grad?.dispose();
      if (parameter.variable) parameter.variable.grad = null;
    }
  }

  /**
   * What to store so that `load` continues bit for bit. The tensors are the optimizer's own: copy or write them, do not dispose them. Waits for
   * the steps that were begun.
   */
  state(): OptimizerState {
    const state: OptimizerState = new Map();
    const steps = this.#control?.steps() ?? [];
    for (const [number, { name, moments }] of this.#entries.entries()) {
      const taken = steps[number] ?? 0;
      if (!moments || taken === 0) continue;
      state.set(`${name}/step`, taken);
      for (const [i, moment] of this.#momentNames().entries()) state.set(`${name}/${moment}`, moments[i]!);
    }
    return state;
  }

  /** Continues from a stored state; numbers are copied. @throws FILE naming what is missing, unknown or of another shape. */
  load(state: ReadonlyMap<string, Tensor | Float32Array | number>): void {
    const unused = new Set(state.keys());
    const take = (key: string) => {
      unused.delete(key);
      return state.get(key);
    };
    const loaded = this.#entries.map((entry) => this.#loadEntry(entry, take));
    if (unused.size > 0) {
      fail("FILE", {
        where: "optimizer state",
        expected: `only ${this.config.kind} state of the network's parameters`,
        got: `"${[...unused][0]}"`,
        hint: "Was the optimizer or the network changed since?",
      });
    }
    this.#forgetMoments();
    this.#entries.forEach((entry, i) => {
      const { shape, device } = entry.parameter;
      entry.moments = loaded[i]?.moments.map((data) => keep(Tensor.from(data, shape, { device }))) ?? null;
    });
    this.#stored().write({ steps: loaded.map((found) => found?.steps ?? 0) });
  }

  #loadEntry(entry: Entry, take: (key: string) => Tensor | Float32Array | number | undefined) {
    const steps = take(`${entry.name}/step`);
    if (steps === undefined) return null;
    const moments = this.#momentNames().map((moment) => {
      const value = take(`${entry.name}/${moment}`);
      const data = value instanceof Tensor ? (value.toArray() as Float32Array) : value;
      if (!(data instanceof Float32Array) || data.length !== entry.parameter.size) {
        failState(`${entry.name}/${moment}`, `${entry.parameter.size} numbers`, data);
      }
      return data;
    });
    if (typeof steps !== "number" || !Number.isInteger(steps) || steps < 1) {
      failState(`${entry.name}/step`, "a whole number from 1", steps);
    }
    return { moments, steps };
  }

  /** Frees the running values. The optimizer can go on: it then begins anew. */
  dispose(): void {
    this.#forgetMoments();
    this.#control?.dispose();
    this.#control = null;
  }

  #forgetMoments(): void {
    for (const entry of this.#entries) {
      for (const moment of entry.moments ?? []) moment.dispose();
      entry.moments = null;
    }
  }
}

/** @throws SHAPE when a gradient is not laid out as its parameter */
function expectGradient({ name, parameter }: Entry, grad: Tensor): true {
  if (sameShape(grad.shape, parameter.shape) && grad.spatial === parameter.spatial) return true;
  return fail("SHAPE", {
    where: `gradient of "${name}"`,
    expected: `shape ${formatShape(parameter.shape)} in layout ${parameter.spatial}`,
    got: `${formatShape(grad.shape)} in layout ${grad.spatial}`,
  });
}

function failState(name: string, expected: string, value: unknown): never {
  const got =
    typeof value === "number" ? `${value}` : value instanceof Float32Array ? `${value.length} numbers` : "none";
  fail("FILE", {
    where: `optimizer state "${name}"`,
    expected,
    got,
    hint: "Was the optimizer or the network changed since?",
  });
}
