import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Git as a person has it, without any setting of whoever runs the tests. */
export class GitClient {
  readonly home: string

  constructor(home: string) {
    this.home = home
  }

  /** Rejects with all that git has said when it fails. */
  run(...args: string[]): Promise<string> {
    return this.runWithInput('', ...args)
  }

  async runWithInput(input: string | Uint8Array, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#ended(input, args)
    if (code !== 0) throw new Error(`git ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
    return stdout.trim()
  }

  attempt(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return this.#ended('', args)
  }

  #ended(
    input: string | Uint8Array,
    args: string[],
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise(resolve => {
      const options = { cwd: this.home, env: this.env(), maxBuffer: 64 * 1024 * 1024 }
      const child = execFile('git', args, options, (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr })
      })
      child.stdin?.on('error', () => {}) // a command that does not read its input is fine
      child.stdin?.end(input)
    })
  }

  env(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      HOME: this.home,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.org',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.org',
    }
  }

  /** Writes the files into the work tree `folder`, and commits them. Gives the commit's id. */
  async commit(
    folder: string,
    files: Record<string, string | Uint8Array>,
    message = 'change',
  ): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      const place = join(this.home, folder, path)
      await mkdir(dirname(place), { recursive: true })
      await writeFile(place, content)
    }
    await this.run('-C', folder, 'add', '-A')
    await this.run('-C', folder, 'commit', '-qm', message)
    return await this.run('-C', folder, 'rev-parse', 'HEAD')
  }

  /** Writes an object into the repository of `folder`, however odd it is. Gives its id. */
  object(folder: string, type: string, content: string | Uint8Array): Promise<string> {
    return this.runWithInput(content, '-C', folder, 'hash-object', '-w', '--literally', '--stdin', '-t', type)
  }

  /** Lines as `git ls-tree` prints them. */
  tree(folder: string, ...lines: string[]): Promise<string> {
    return this.runWithInput(`${lines.join('\n')}\n`, '-C', folder, 'mktree', '--missing')
  }

  /** A tree with entries that git itself would not write. */
  rawTree(folder: string, entries: [mode: string, name: string, oid: string][]): Promise<string> {
    const content = entries.flatMap(([mode, name, oid]) => [
      Buffer.from(`${mode} ${name}\0`),
      Buffer.from(oid, 'hex'),
    ])
    return this.object(folder, 'tree', Buffer.concat(content))
  }

  commitTree(folder: string, treeId: string): Promise<string> {
    const who = 'Ada <ada@example.org> 1700000000 +0000'
    return this.object(folder, 'commit', `tree ${treeId}\nauthor ${who}\ncommitter ${who}\n\nraw\n`)
  }

  /** What git would send for `head` to whoever has origin/main, but for the objects that `wanted` leaves out. */
  async packOf(folder: string, head: string, wanted: (oid: string) => boolean = () => true): Promise<Buffer> {
    const listed = await this.run('-C', folder, 'rev-list', '--objects', head, '--not', 'origin/main')
    const oids = listed.split('\n').map(line => line.slice(0, 40))
    const input = `${oids.filter(wanted).join('\n')}\n`
    const hash = await this.runWithInput(input, '-C', folder, 'pack-objects', '-q', 'sent')
    return readFile(join(this.home, folder, `sent-${hash}.pack`))
  }
}

/** A person of its own, below `folder`. */
export async function newGitClient({ folder }: { folder: string }): Promise<GitClient> {
  return new GitClient(await mkdtemp(join(folder, 'client-')))
}
