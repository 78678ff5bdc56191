import { MalformedInput } from '../kernel/errors.ts'

/** What a statement may be given: what both databases store and give back alike. */
export type SqlValue = string | number | bigint | Uint8Array | null

/**
 * Returns `value` when both databases store it unchanged. Text that PostgreSQL refuses (U+0000) or that UTF-8
 * cannot hold (half a surrogate pair) came from outside: MalformedInput. All else is a fault of ours: TypeError for a
 * type, RangeError for an integer that a number cannot hold exactly.
 */
export function checkSqlValue(value: unknown): SqlValue {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0') || !value.isWellFormed()) {
        throw new MalformedInput(
          'text',
          'has U+0000 or half a surrogate pair: only whole Unicode characters are kept',
        )
      }
      return value
    case 'number':
      if (Number.isSafeInteger(value)) return value
      if (!Number.isFinite(value)) throw new TypeError(`${value} cannot be stored: it is no number in SQL`)
      if (Number.isInteger(value)) throw unsafeInteger(value)
      return value
    case 'bigint':
      if (!isSafe(value)) throw unsafeInteger(value)
      return value
    default:
      if (value === null || value instanceof Uint8Array) return value
      throw new TypeError(
        `a ${value?.constructor?.name ?? typeof value} cannot be stored: booleans are 0 | 1, times numbers, absence is null`,
      )
  }
}

/** An integer column as number. Throws RangeError where a number would round it. */
export function safeInteger(value: bigint | string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw unsafeInteger(value)
  return number
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
}

function unsafeInteger(value: bigint | string | number): RangeError {
  return new RangeError(`integer ${value} is outside ±(2^53 - 1), the integers that are exact as number`)
}
