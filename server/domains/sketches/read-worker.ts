import type { MessagePort } from 'node:worker_threads'
import { HubError } from '../../kernel/errors.ts'
import { type Finding, type ModelFiles, openFile, openModel } from '../weights/index.ts'
import { type FileClaim, fileClaims } from './file-claims.ts'
import { makeSketch } from './make-sketch.ts'
import { encodeSketch } from './sketch-codec.ts'
import { callsOver } from './thread-calls.ts'

/** What a thread of `read-threads.ts` is given: files, and a port by which it asks for their bytes. */
export interface ReadTask {
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly port: MessagePort
  /** Of the model that is meant; the best one when absent. */
  readonly path?: string | undefined
}

export interface ByteQuestion {
  readonly path: string
  readonly start: number
  readonly end: number
}

/** What weights look like; without `sketch` where nothing could be made of them. */
export interface ReadModel {
  readonly sketch?: Uint8Array
  readonly format: string
  readonly parameters: number
  readonly tokenizerHash?: string | undefined
  readonly findings: readonly Finding[]
  readonly claims: readonly FileClaim[]
}

const findingLimit = 100

export default async function read({ files, port, path: wanted }: ReadTask): Promise<ReadModel | undefined> {
  const ask = callsOver<ByteQuestion>(port)
  try {
    const folder: ModelFiles = {
      list: () => files,
      async open(path) {
        const { size } = files.find(file => file.path === path) as (typeof files)[number]
        return { size, read: (start, end) => ask({ path, start, end }) }
      },
    }
    const model = await (wanted === undefined ? openModel(folder) : openFile(folder, wanted))
    if (!model) return undefined
    const findings = model.findings.slice(0, findingLimit)
    const parameters = model.tensors.reduce((sum, tensor) => sum + tensor.parameters, 0)
    const { format, tokenizerHash } = model
    const told = { format, parameters, tokenizerHash, findings, claims: fileClaims(model) }
    if (model.tensors.length === 0) return told
    try {
      return { ...told, sketch: encodeSketch(await makeSketch(model)) }
    } catch (error) {
      if (!(error instanceof HubError)) throw error
      const file = files[0]?.path ?? ''
      return { ...told, findings: [...findings, { kind: 'malformed', file, message: error.message }] }
    }
  } finally {
    port.close()
  }
}
