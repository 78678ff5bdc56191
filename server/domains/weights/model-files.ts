import type { ByteSource } from '../../formats/byte-source.ts'

/** The files of a repository folder, or of any other. */
export interface ModelFiles {
  list(): readonly { readonly path: string; readonly size: number }[]
  /** One of those listed. */
  open(path: string): Promise<ByteSource>
}

/** The JSON record of a file of at most `limit` bytes; undefined when there is none, or it is something else. */
export async function readJson(
  files: ModelFiles,
  path: string,
  limit: number,
): Promise<Record<string, unknown> | undefined> {
  if (!files.list().some(file => file.path === path && file.size <= limit)) return undefined
  const source = await files.open(path)
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
