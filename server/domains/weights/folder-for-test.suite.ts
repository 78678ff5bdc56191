import { execFile } from 'node:child_process'
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll } from 'vitest'
import { PYTHON_ENVIRONMENT } from '../../../test/setup/places.ts'
import { sourceOf } from '../../formats/byte-source.ts'
import type { ModelFiles } from './model-files.ts'
import type { WeightTensor } from './weight-tensor.ts'

/** A folder in memory. */
export function folderOf(content: Record<string, Uint8Array | string>): ModelFiles {
  const files = new Map(Object.entries(content).map(([path, bytes]) => [path, Buffer.from(bytes as string)]))
  return {
    list: () => [...files].map(([path, { length }]) => ({ path, size: length })),
    open: async path => sourceOf(files.get(path)!),
  }
}

/** What a script of testdata/ has written with the libraries that write such files. */
export interface Written {
  /** Those files whose path fits, read from disk by range. */
  files(pattern: RegExp): Promise<ModelFiles & { readonly bytesRead: () => number }>
  /** Values of 32 bits in a file of nothing else. */
  floats(path: string): Promise<Float32Array>
  json<Value>(path: string): Promise<Value>
}

const folders: string[] = []
afterAll(() => Promise.all(folders.map(folder => rm(folder, { recursive: true }))))

export async function writtenBy(script: string): Promise<Written> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-weights-'))
  folders.push(folder)
  await promisify(execFile)(
    join(PYTHON_ENVIRONMENT, 'bin/python'),
    [join(import.meta.dirname, 'testdata', script), folder],
    { timeout: 120_000 },
  )
  return filesIn(folder)
}

/** What a library that is too large for the tests wrote once: see the script beside the folder. */
export function fixtures(name: string): Written {
  return filesIn(join(import.meta.dirname, 'testdata', name))
}

/** What is in a folder of this machine. */
export function filesIn(folder: string): Written {
  return {
    async files(pattern) {
      const paths = (await readdir(folder)).filter(path => pattern.test(path))
      const listed = await Promise.all(
        paths.map(async path => ({ path, size: (await stat(join(folder, path))).size })),
      )
      let bytesRead = 0
      return {
        bytesRead: () => bytesRead,
        list: () => listed,
        open: async path => ({
          size: listed.find(file => file.path === path)!.size,
          async read(start, end) {
            bytesRead += end - start
            await using file = await open(join(folder, path))
            const { buffer, bytesRead: got } = await file.read(
              Buffer.alloc(end - start),
              0,
              end - start,
              start,
            )
            if (got < end - start) throw new RangeError(`[${start}, ${end}) of ${path}`)
            return buffer
          },
        }),
      }
    },
    floats: async path => new Float32Array(new Uint8Array(await readFile(join(folder, path))).buffer),
    json: async path => JSON.parse(await readFile(join(folder, path), 'utf8')),
  }
}

/** All of its values. */
export function allValues({ shape, values }: WeightTensor): Promise<Float32Array> {
  return values(Array.from({ length: shape[0] ?? 1 }, (_, row) => row))
}

/** Of a row-major matrix of so many columns. */
export function valuesAt(
  all: Float32Array,
  width: number,
  rows: readonly number[],
  columns: readonly number[],
): Float32Array {
  return Float32Array.from(rows.flatMap(row => columns.map(column => all[row * width + column]!)))
}
