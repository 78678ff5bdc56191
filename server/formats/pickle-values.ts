/** What a pickle holds, as `pickle.ts` reads it. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | PickleGlobal
  | PickleObject
  | PickleMark

/** Keys and values by turns, as they were set: a later one of the same key stands over an earlier one. */
export class PickleDict {
  readonly items: PickleValue[] = []

  pairs(): [PickleValue, PickleValue][] {
    const { items } = this
    return Array.from({ length: items.length >> 1 }, (_, n) => [items[2 * n]!, items[2 * n + 1]!])
  }
}

/** A function or class, by its name. */
export class PickleGlobal {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** What calling a global would have made, or what a persistent id stands for (`global` undefined). */
export class PickleObject {
  readonly global: string | undefined
  readonly args: PickleValue
  state: PickleValue = null
  constructor(global: string | undefined, args: PickleValue) {
    this.global = global
    this.args = args
  }
}

/** Where a tuple, list or dictionary begins that is still being gathered. */
export class PickleMark {}
