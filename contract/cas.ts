import { z } from 'zod'
import { bytes, xetHash } from './parts.ts'

/** The CAS as xet-core's `cas_types` has it. Ends of chunks are exclusive, ends of bytes inclusive. */

const range = z.object({ start: bytes, end: bytes })
const term = z.object({ hash: xetHash, unpacked_length: bytes, range })
const fetchInfo = z.record(xetHash, z.array(z.object({ range, url: z.url(), url_range: range })))

export const reconstructionV1 = z.object({
  offset_into_first_range: bytes,
  terms: z.array(term),
  fetch_info: fetchInfo,
})

export const reconstructionV2 = z.object({
  offset_into_first_range: bytes,
  terms: z.array(term),
  xorbs: z.record(
    xetHash,
    z.array(z.object({ url: z.url(), ranges: z.array(z.object({ chunks: range, bytes: range })) })),
  ),
})

export const reconstructions = z.object({
  files: z.record(xetHash, z.array(term)),
  fetch_info: fetchInfo,
})

export const insertedXorb = z.object({ was_inserted: z.boolean() })
export const registeredShard = z.object({ result: z.number().int() })
