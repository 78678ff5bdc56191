import { readFileSync } from 'node:fs'

/** What a client sent for the files of `client-files.ts`. */
export interface ClientUpload {
  /** Hash in the path of the request, and its body. */
  readonly xorbs: readonly { readonly hash: string; readonly body: Uint8Array }[]
  readonly shard: Uint8Array
}

interface Recorded {
  readonly xorbs: Readonly<Record<string, string>>
  readonly shard: string
}

const recorded = JSON.parse(readFileSync(new URL('client-uploads.json', import.meta.url), 'utf8')) as {
  readonly fileHashes: Readonly<Record<string, string>>
  readonly hfXet: Recorded
  readonly huggingfaceJs: Recorded
}

function decode(upload: Recorded): ClientUpload {
  return {
    xorbs: Object.entries(upload.xorbs).map(([hash, body]) => ({ hash, body: Buffer.from(body, 'base64') })),
    shard: Buffer.from(upload.shard, 'base64'),
  }
}

/** File hash, by the name of a content in `client-files.ts`, as hf_xet computes it. */
export const fileHashes: Readonly<Record<string, string>> = recorded.fileHashes
/** One xorb and one shard with all four files; no footers. */
export const hfXetUpload: ClientUpload = decode(recorded.hfXet)
/** Three xorbs of one file each, and the shard of one of them, with its footer. */
export const huggingfaceJsUpload: ClientUpload = decode(recorded.huggingfaceJs)
