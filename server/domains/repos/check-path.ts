import { parseTreePath } from '../../formats/tree-path.ts'
import { MalformedInput } from '../../kernel/errors.ts'
import { InvalidOperation } from './errors.ts'

/** The path as given, or InvalidOperation: a commit that would write outside of its tree is understood, and refused. */
export function checkPath(path: string, kind: 'file' | 'folder' = 'file'): string {
  try {
    return parseTreePath(path, kind)
  } catch (error) {
    if (error instanceof MalformedInput) throw new InvalidOperation(error.message)
    throw error
  }
}
