import type { XorbIndex } from '../../formats/xorb-footer.ts'
import { FileNotKnown } from './errors.ts'
import type { BlobParts } from './parts.ts'
import { findFilesNear } from './store-files.ts'
import { xorbsOf } from './terms.ts'
import { findUsableXorbs } from './use-xorbs.ts'

/** So many chunks past the one just met are made known: about 128 MB of content. */
const chunksAhead = 2048

/**
 * Finds what probably comes next in an upload. When one of its chunks is met in a xorb, the upload is likely a version
 * of a file that uses this xorb, so the xorbs that follow in that file are worth knowing before their chunks come.
 * Of several such files the one whose size is nearest to the upload's is followed.
 */
export class FileFollower {
  readonly #parts: Pick<BlobParts, 'database' | 'terms' | 'indexes'>
  readonly #size: number
  readonly #learn: (index: XorbIndex) => void
  /** Xorbs of the file that is followed, in order, and where each stands. */
  #trail: string[] = []
  #places = new Map<string, number>()
  readonly #reached = new Set<string>()

  constructor(
    parts: Pick<BlobParts, 'database' | 'terms' | 'indexes'>,
    size: number,
    learn: (index: XorbIndex) => void,
  ) {
    this.#parts = parts
    this.#size = size
    this.#learn = learn
  }

  /** A chunk of the upload was found in `xorb`. Only the first time for each costs anything. */
  async reach(xorb: string): Promise<void> {
    if (this.#reached.has(xorb)) return
    this.#reached.add(xorb)
    if (!this.#places.has(xorb)) await this.#choose(xorb)
    const place = this.#places.get(xorb)
    if (place === undefined) return
    const next = this.#trail.slice(place + 1, place + 1 + 16)
    const rows = await findUsableXorbs(this.#parts.database, next)
    let ahead = 0
    for (const hash of next) {
      if (ahead >= chunksAhead) break
      const row = rows.get(hash)
      if (!row) continue
      this.#learn(await this.#parts.indexes.get(row))
      ahead += row.chunk_count
    }
  }

  async #choose(xorb: string): Promise<void> {
    const [fileHash] = await findFilesNear(this.#parts.database.sql, xorb, this.#size, 1)
    if (fileHash === undefined) return
    try {
      const { terms } = await this.#parts.terms.get(fileHash)
      this.#trail = xorbsOf(terms)
      this.#places = new Map(this.#trail.map((hash, i) => [hash, i]))
    } catch (error) {
      // Collected in between.
      if (!(error instanceof FileNotKnown)) throw error
    }
  }
}
