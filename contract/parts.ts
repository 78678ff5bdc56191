import { z } from 'zod'

/** Words that the shapes of several areas share. */

export const commitId = z.string().regex(/^[0-9a-f]{40}$/)
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** Four little-endian words in hex, not plain hex of the 32 bytes. */
export const xetHash = z.string().regex(/^[0-9a-f]{64}$/)
export const bytes = z.number().int().nonnegative()
/** ISO 8601 in UTC with milliseconds. */
export const time = z.iso.datetime({ precision: 3 })
/** Answers of which nothing is read but the status. */
export const nothing = z.object({})

/** Every refusal; `X-Error-Code` and `X-Error-Message` say the same in headers. */
export const refusal = z.looseObject({ error: z.string() })
