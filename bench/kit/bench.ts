import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Hub, startHub } from '../../test/hub.ts'
import type { Rounds } from './figure.ts'

interface Plan {
  /** Measured rounds; each measures both sides once. */
  readonly rounds: number
  /** Both sides once before, not counted. */
  readonly warmUp?: boolean
  /** Not measured; before both sides of round `round` (-1 is the warm-up). */
  prepare?(round: number): Promise<void>
  ours(round: number): Promise<number>
  reference(round: number): Promise<number>
}

/**
 * What a figure measures with. All that it hands out (folders, hubs, what was deferred) is closed again when the figure
 * ends, in the opposite order.
 */
export class Bench {
  /** A check that the suite works: small inputs, few rounds, figures that mean nothing. */
  readonly isSmall: boolean
  readonly #parent: Bench | undefined
  readonly #stack = new AsyncDisposableStack()
  readonly #shared = new Map<unknown, Promise<unknown>>()

  constructor(isSmall: boolean, parent?: Bench) {
    this.isSmall = isSmall
    this.#parent = parent
  }

  /** A size or a count: the one that is meant, or the one for a check. */
  size(full: number, small: number): number {
    return this.isSmall ? small : full
  }

  /** Shown while the figure runs. */
  say(line: string): void {
    process.stderr.write(`    ${line}\n`)
  }

  defer(close: () => Promise<unknown> | unknown): void {
    this.#stack.defer(async () => {
      await close()
    })
  }

  /** An empty folder, on the disk on which hubs keep their data too. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'))
    this.defer(() => rm(folder, { recursive: true, force: true }))
    return folder
  }

  /** A real hub of the figure's own, as `bin/banyan serve` starts it. */
  async hub(): Promise<Hub> {
    const hub = await startHub()
    this.defer(() => hub.stop())
    return hub
  }

  /** The hub of this run, for figures that want nothing of it but answers. Repositories are to be named after figures. */
  sharedHub(): Promise<Hub> {
    return this.shared(startShared)
  }

  /**
   * What several figures of one run need and what is slow to make: made once, kept until the run ends. When it could not
   * be made, the next figure tries again.
   */
  shared<T>(make: (bench: Bench) => Promise<T>): Promise<T> {
    const run = this.#parent ?? this
    const made = run.#shared.get(make) ?? make(run)
    run.#shared.set(make, made)
    made.catch(() => run.#shared.delete(make))
    return made as Promise<T>
  }

  /**
   * Rounds of ours and the reference, one after the other, so that a machine that becomes slower or faster does so to
   * both. Which of them comes first changes with each round.
   */
  async interleave(plan: Plan): Promise<Rounds> {
    const rounds = this.isSmall ? Math.min(plan.rounds, 1) : plan.rounds
    const ours: number[] = []
    const reference: number[] = []
    for (let round = plan.warmUp && !this.isSmall ? -1 : 0; round < rounds; round++) {
      await plan.prepare?.(round)
      const sides = [
        async () => ours.push(await plan.ours(round)),
        async () => reference.push(await plan.reference(round)),
      ]
      for (const side of round % 2 === 0 ? sides : sides.reverse()) await side()
      this.say(
        `${round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`}: ours ${show(ours)}, reference ${show(reference)}`,
      )
      if (round < 0) ours.length = reference.length = 0
    }
    return { ours, reference }
  }

  async close(): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

function startShared(run: Bench): Promise<Hub> {
  return run.hub()
}

function show(values: readonly number[]): string {
  return (values.at(-1) ?? Number.NaN).toPrecision(4)
}

/** Seconds that `work` takes by the clock. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** Millions of bytes a second: what `MB/s` means in every figure. */
export function megabytesPerSecond(bytes: number, duration: number): number {
  return bytes / 1e6 / duration
}
