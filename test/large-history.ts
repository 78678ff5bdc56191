import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Writable } from 'node:stream'

/** What a repository that was made has at its head. */
export interface LargeHistory {
  /** Path → mark of the commit that gave it what it has; `commitOf` tells its id. */
  readonly origins: ReadonlyMap<string, number>
  commitOf(mark: number): string
}

/** Seconds; each commit is a minute after the one before. */
const start = 1_700_000_000

/**
 * Writes a history into the empty bare repository `folder` by `git fast-import`: `files` files in the first commit, a
 * fifth of them in one folder, the others 400 to a folder; then `commits` that change, add, or make executable one
 * file each. Every 50th is a merge of a branch of two commits that left 20 commits before.
 */
export async function makeLargeHistory(
  folder: string,
  size: { files: number; commits: number },
): Promise<LargeHistory> {
  const git = spawn('git', ['-C', folder, 'fast-import', '--quiet', `--export-marks=${folder}/marks`], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
  })
  const ended = once(git, 'close')
  const history = new Importer(git.stdin)
  await history.write(size)
  git.stdin.end()
  const [code] = await ended
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`)
  const marks = new Map(
    (await readFile(`${folder}/marks`, 'utf8'))
      .trim()
      .split('\n')
      .map(line => [Number(line.slice(1).split(' ')[0]), line.split(' ')[1] as string]),
  )
  return { origins: history.origins, commitOf: mark => marks.get(mark) as string }
}

class Importer {
  readonly origins = new Map<string, number>()
  readonly #paths: string[] = []
  readonly #out: Writable
  #mark = 0
  #random = 1

  constructor(out: Writable) {
    this.#out = out
  }

  async write({ files, commits }: { files: number; commits: number }): Promise<void> {
    const flat = files / 5
    const first = ['README.md', 'config.json']
    for (let n = 2; n < files; n++) {
      first.push(
        n < flat
          ? `flat/${String(n).padStart(6, '0')}.json`
          : `data/${String(Math.floor(n / 400)).padStart(3, '0')}/part-${n}.txt`,
      )
    }
    await this.#commit('main', [], first)
    const line = [this.#mark]
    for (let n = 1; n < commits; n++) {
      if (n % 50 === 0) {
        const changed = [this.#pick(), this.#pick()]
        let parent = line.at(-20) ?? this.#mark
        const side: number[] = []
        for (const path of new Set(changed)) {
          parent = await this.#commit('side', [parent], [path])
          side.push(parent)
        }
        // fast-import takes the first parent's tree, so the merge says again what the branch brought.
        await this.#commit('main', [line.at(-1) as number, parent], [...new Set(changed)], side)
      } else if (n % 10 === 0) {
        await this.#commit('main', line.slice(-1), [`new/${n % 7}/file-${n}`])
      } else {
        await this.#commit('main', line.slice(-1), [this.#pick()])
      }
      line.push(this.#mark)
    }
  }

  /** `like` are the commits whose content a merge takes, one for each path. */
  async #commit(branch: string, parents: number[], paths: string[], like?: number[]): Promise<number> {
    const mark = ++this.#mark
    const message = `change ${mark}`
    const lines = [
      `commit refs/heads/${branch}`,
      `mark :${mark}`,
      `committer Ada <ada@example.org> ${start + mark * 60} +0000`,
      `data ${message.length}`,
      message,
    ]
    parents.forEach((parent, n) => {
      lines.push(`${n === 0 ? 'from' : 'merge'} :${parent}`)
    })
    for (const [n, path] of paths.entries()) {
      const version = like?.[n] ?? mark
      const content = `${path} of ${version}\n`
      if (!this.origins.has(path)) this.#paths.push(path)
      this.origins.set(path, version)
      lines.push(
        `M ${version % 9 === 8 ? '100755' : '100644'} inline ${path}`,
        `data ${content.length}`,
        content,
      )
    }
    if (!this.#out.write(`${lines.join('\n')}\n`)) await once(this.#out, 'drain')
    return mark
  }

  /** Some path of those that there are, the same in every run. */
  #pick(): string {
    this.#random = (this.#random * 1_103_515_245 + 12_345) % 2_147_483_648
    return this.#paths[this.#random % this.#paths.length] as string
  }
}
