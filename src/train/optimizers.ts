/**
 * Optimizers: SGD, Adam and AdamW in PyTorch's order of operations, computed by the native core. They know parameters by name, and
 * neither networks nor schedules.
 */
import { fail, formatShape, parseWith, sameShape, unreachable } from "../core/index.ts";
import { core } from "../kernels/index.ts";
import { keep, Tensor } from "../tensor/index.ts";
import { type OptimizerConfig, type OptimizerInput, optimizerSchema } from "./optimizer-config.ts";

export * from "./optimizer-config.ts";

/** What has to be stored to continue: moments by `parameter/moment`, step counts by `parameter/step`. */
export type OptimizerState = Map<string, Tensor | number>;

/** Running values of one parameter that an optimizer keeps, and how many steps it took. */
interface Memory {
  moments: Tensor[];
  steps: number;
}

interface Entry {
  name: string;
  parameter: Tensor;
  rateFactor: number;
  weightDecay: number;
  memory: Memory | null;
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
      memory: null,
    };
  }

  /** One update of every parameter that has a gradient, in place. */
  step(): void {
    for (const entry of this.#entries) {
      const { grad } = entry.parameter;
      if (grad) this.#update(entry, grad);
    }
  }

  #update(entry: Entry, grad: Tensor): void {
    const { parameter, name } = entry;
    if (!sameShape(grad.shape, parameter.shape) || grad.spatial !== parameter.spatial) {
      fail("SHAPE", {
        where: `gradient of "${name}"`,
        expected: `shape ${formatShape(parameter.shape)} in layout ${parameter.spatial}`,
        got: `${formatShape(grad.shape)} in layout ${grad.spatial}`,
      });
    }
    const { config } = this;
    const learningRate = this.learningRate * entry.rateFactor;
    const { weightDecay } = entry;
    const memory = this.#memory(entry);
    memory.steps++;
    const [first, second] = memory.moments.map((moment) => moment.buffer);
    switch (config.kind) {
      case "sgd": {
        const { momentum, dampening, nesterov } = config;
        const options = { learningRate, momentum, dampening, weightDecay, nesterov, firstStep: memory.steps === 1 };
        core().sgdStep(parameter.buffer, grad.buffer, first ?? 0, parameter.size, options);
        break;
      }
      case "adam":
      case "adamw": {
        const { beta1, beta2, epsilon, kind } = config;
        const options = {
          learningRate,
          beta1,
          beta2,
          epsilon,
          weightDecay,
          decoupled: kind === "adamw",
          step: memory.steps,
        };
        core().adamStep(parameter.buffer, grad.buffer, first!, second!, parameter.size, options);
        break;
      }
      default:
        unreachable(config);
    }
  }

  /** The running values of a parameter, made at its first step; SGD without momentum keeps none. */
  #memory(entry: Entry): Memory {
    const names = this.#momentNames();
    const { shape, device } = entry.parameter;
    entry.memory ??= { moments: names.map(() => keep(Tensor.zeros(shape, { device }))), steps: 0 };
    for (const moment of entry.memory.moments) moment.relocate(device);
    return entry.memory;
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

  /** What to store so that `load` continues bit for bit. The tensors are the optimizer's own: copy or write them, do not dispose them. */
  state(): OptimizerState {
    const state: OptimizerState = new Map();
    for (const { name, memory } of this.#entries) {
      if (!memory) continue;
      state.set(`${name}/step`, memory.steps);
      for (const [i, moment] of this.#momentNames().entries()) state.set(`${name}/${moment}`, memory.moments[i]!);
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
    this.dispose();
    this.#entries.forEach((entry, i) => {
      const found = loaded[i];
      if (!found) return;
      const { shape, device } = entry.parameter;
      const moments = found.moments.map((data) => keep(Tensor.from(data, shape, { device })));
      entry.memory = { moments, steps: found.steps };
    });
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
    for (const entry of this.#entries) {
      for (const moment of entry.memory?.moments ?? []) moment.dispose();
      entry.memory = null;
    }
  }
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
