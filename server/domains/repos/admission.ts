import { MemoryBudget } from '../../kernel/memory-budget.ts'
import { Slots } from './slots.ts'

/** How much of what is costly runs at once. The rest waits its turn, and reads "busy" (503) when that takes too long. */
export interface Admission {
  /** Each is a git process of some ten MB, for as long as its client reads. */
  readonly fetches: Slots
  /** Each is one git process after the other, of up to 512 MiB for hostile packs. */
  readonly pushes: Slots
  /** Bodies of commits: all their regular files are held until the pack is written. */
  readonly commitMemory: MemoryBudget
}

const bounds = { fetches: 64, pushes: 8, commitBytes: 256 * 1024 * 1024, waitMs: 30_000 }

export function createAdmission({ fetches, pushes, commitBytes, waitMs } = bounds): Admission {
  return {
    fetches: new Slots('fetches', fetches, waitMs),
    pushes: new Slots('pushes', pushes, waitMs),
    commitMemory: new MemoryBudget('commits', commitBytes, waitMs),
  }
}
