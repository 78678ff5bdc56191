import { LRUCache } from 'lru-cache'
import type { Database } from '../../ports/database.ts'
import { FileNotKnown } from './errors.ts'
import { findTerms } from './store-files.ts'
import { type FileTerms, unpackTerms } from './terms.ts'

/** Terms of files, read from SQL and kept in memory up to a limit. */
export class FileTermsCache {
  readonly #cache: LRUCache<string, FileTerms>

  constructor(database: Database, maxBytes: number) {
    this.#cache = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: file => file.terms.length * 80 + 400,
      fetchMethod: async fileHash => {
        const packed = await findTerms(database.sql, fileHash)
        return packed && unpackTerms(packed)
      },
    })
  }

  /** Throws FileNotKnown. */
  async get(fileHash: string): Promise<FileTerms> {
    const file = await this.#cache.fetch(fileHash)
    if (!file) throw new FileNotKnown(fileHash)
    return file
  }

  /** For terms that turn out to name xorbs that are gone: the file was collected and has come back in other xorbs. */
  forget(fileHash: string): void {
    this.#cache.delete(fileHash)
  }
}
