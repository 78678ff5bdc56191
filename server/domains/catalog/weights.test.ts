import { describe, expect, it } from 'vitest'
import { ggufFile, safetensorsFile } from '../../formats/testdata/weight-files.ts'
import { readGguf, readSafetensors } from './weights.ts'

const asBytes = (files: Record<string, string | Uint8Array>) =>
  new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content as string)]))

/** Reads of files as a repository gives them: by range. */
function repository(files: Record<string, string | Uint8Array>) {
  const content = asBytes(files)
  const asked: string[] = []
  const open = async (path: string) => {
    const bytes = content.get(path)
    return (
      bytes && {
        size: bytes.length,
        read: async (start: number, end: number) => {
          asked.push(`${path} ${start} ${end}`)
          return bytes.subarray(start, end)
        },
      }
    )
  }
  return { paths: new Set(content.keys()), open, asked }
}
const of = async (files: Record<string, string | Uint8Array>) => {
  const { paths, open } = repository(files)
  return { safetensors: await readSafetensors(paths, open), gguf: await readGguf(paths, open) }
}
const counted = { parameters: { I64: 1, F32: 0, BF16: 6, F8_E4M3: 5, F4: 4, BOOL: 1 }, total: 17 }

describe('weights', () => {
  it('are counted by dtype, of one file before those of an index', async () => {
    const index = JSON.stringify({
      weight_map: { a: 'x.safetensors', b: 'y.safetensors', c: 'x.safetensors' },
    })
    const shards = { 'x.safetensors': safetensorsFile, 'y.safetensors': safetensorsFile }
    expect((await of({ 'model.safetensors': safetensorsFile })).safetensors).toEqual(counted)
    expect((await of({ 'model.safetensors.index.json': index, ...shards })).safetensors?.total).toBe(34)
    const both = { 'model.safetensors': safetensorsFile, 'model.safetensors.index.json': index, ...shards }
    expect((await of(both)).safetensors).toEqual(counted)
  })

  it('with a header longer than what is read at first are read again', async () => {
    const header = Buffer.from(JSON.stringify({ __metadata__: { long: 'x'.repeat(300_000) } }))
    const length = Buffer.alloc(8)
    length.writeUInt32LE(header.length)
    const { paths, open, asked } = repository({ 'model.safetensors': Buffer.concat([length, header]) })
    expect(await readSafetensors(paths, open)).toEqual({ parameters: {}, total: 0 })
    expect(asked).toEqual(['model.safetensors 0 262144', `model.safetensors 0 ${header.length + 8}`])
  })

  it('of which a part is missing, broken or elsewhere are not counted', async () => {
    const index = (path: string) => JSON.stringify({ weight_map: { a: path } })
    for (const files of [
      { 'model.safetensors.index.json': index('absent.safetensors') },
      { 'model.safetensors.index.json': index('../../etc/passwd') },
      { 'model.safetensors.index.json': '{"weight_map": null}' },
      { 'model.safetensors.index.json': 'no JSON' },
      { 'model.safetensors': safetensorsFile.subarray(0, -1) },
      { 'model.safetensors': '' },
      { 'other.safetensors': safetensorsFile },
    ])
      expect((await of(files)).safetensors).toBeUndefined()
  })

  it('of GGUF tell what the first model is, all its parts together', async () => {
    const told = { architecture: 'llama', context_length: 2048, chat_template: '{{ messages }}' }
    expect((await of({ 'a.gguf': ggufFile, 'b.gguf': 'GGUF' })).gguf).toEqual({ total: 28, ...told })
    const parts = { 'q-00001-of-00002.gguf': ggufFile, 'q-00002-of-00002.gguf': ggufFile }
    expect((await of({ 'mmproj-x.gguf': 'x', ...parts, 'q.gguf': 'x' })).gguf).toEqual({ total: 56, ...told })
    for (const broken of ['', 'GGUF', 'no GGUF file', ggufFile.subarray(0, 500)])
      expect((await of({ 'a.gguf': broken })).gguf).toBeUndefined()
  })
})
