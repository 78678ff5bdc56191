import { dirname, join } from 'node:path/posix'
import type { ByteSource } from '../../formats/byte-source.ts'

/** The files of a repository folder, or of any other. */
export interface ModelFiles {
  list(): readonly ListedFile[]
  /** One of those listed. */
  open(path: string): Promise<ByteSource>
}

interface ListedFile {
  readonly path: string
  readonly size: number
}

/** The file of that name in the folder of `path`, or in the root. */
export function nearestFile(files: ModelFiles, path: string, name: string): ListedFile | undefined {
  const listed = files.list()
  const at = (wanted: string) => listed.find(file => file.path === wanted)
  return at(join(dirname(path), name)) ?? at(name)
}

const jsonLimit = 1024 * 1024

/** The record in the nearest JSON file of that name; undefined when there is none of at most `limit` bytes, or it is broken. */
export async function readNearestJson(
  files: ModelFiles,
  path: string,
  name: string,
  limit = jsonLimit,
): Promise<Record<string, unknown> | undefined> {
  const found = nearestFile(files, path, name)
  if (!found || found.size > limit) return undefined
  const source = await files.open(found.path)
  try {
    const value: unknown = JSON.parse(Buffer.from(await source.read(0, source.size)).toString('utf8'))
    return isRecord(value) ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
