import { sourceOf } from '../../formats/byte-source.ts'
import type { ModelFiles } from './model-files.ts'

/** A folder in memory. */
export function folderOf(content: Record<string, Uint8Array | string>): ModelFiles {
  const files = new Map(Object.entries(content).map(([path, bytes]) => [path, Buffer.from(bytes as string)]))
  return {
    list: () => [...files].map(([path, { length }]) => ({ path, size: length })),
    open: async (path: string) => sourceOf(files.get(path)!),
  }
}
