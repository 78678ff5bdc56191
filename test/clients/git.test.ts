import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { noise } from './inputs.ts'
import { folderOf, type Machine, newMachine, temporaryFolder } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

/** The address of a repository with the token in it, as people paste it. */
function address(repo: string, account?: { name: string; token: string }): string {
  const url = new URL(`${hub().url}/${repo}`)
  if (account) [url.username, url.password] = [account.name, account.token]
  return url.href
}

/** Runs `git` in a folder. */
const at = (machine: Machine, cwd: string) => ({
  git: async (...args: string[]) => (await machine.run('git', args, { cwd })).trim(),
  refused: async (...args: string[]) => {
    const ran = await machine.attempt('git', args, { cwd })
    expect(ran.code, `git ${args.join(' ')} must fail`).not.toBe(0)
    return ran.stderr
  },
})

describe.each([
  { version: '0', marker: /version 2/, shows: false },
  { version: '2', marker: /version 2/, shows: true },
])('git, protocol v$version', ({ version, marker, shows }) => {
  const repo = `ada/git-v${version}`
  let ada: Machine
  let work: string
  let firstPush: string

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
    await ada.run('git', ['config', '--global', 'protocol.version', version])
    await ada.run('hf', ['repos', 'create', repo])
    work = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', address(repo, hub().owner), work])
    const { git } = at(ada, work)
    for (const name of ['one', 'two', 'three']) {
      await writeFile(join(work, `${name}.txt`), `${name}\n`)
      await git('add', '.')
      await git('commit', '--quiet', '--message', `Add ${name}`)
    }
    await git('push', '--quiet')
    firstPush = await git('rev-parse', 'HEAD')
  })

  it('speaks this version', async () => {
    const ran = await ada.attempt('git', ['ls-remote', address(repo)], { env: { GIT_TRACE_PACKET: '1' } })
    expect(ran.code).toBe(0)
    expect(marker.test(ran.stderr)).toBe(shows)
    expect(ran.stdout).toContain(`${firstPush}\trefs/heads/main`)
    expect(ran.stdout).toContain(`${firstPush}\tHEAD`)
  })

  it('shows to the API what was pushed, and to git what came by the API', async () => {
    const told = await fetch(`${hub().url}/api/models/${repo}/tree/${firstPush}`)
    expect(((await told.json()) as { path: string }[]).map(entry => entry.path)).toEqual([
      '.gitattributes',
      'one.txt',
      'three.txt',
      'two.txt',
    ])
    const folder = await folderOf({ 'by-api.txt': 'by the API\n' })
    const files = { 'by-api.txt': join(folder, 'by-api.txt') }
    const { oid } = await ada.python<{ oid: string }>('push', { repo, files })
    const { git } = at(ada, work)
    await git('pull', '--quiet')
    expect(await git('rev-parse', 'HEAD')).toBe(oid)
    expect(await git('log', '-1', '--format=%P')).toBe(firstPush)
    expect(await git('log', '-1', '--format=%an')).toContain('ada')
    expect(await readFile(join(work, 'by-api.txt'), 'utf8')).toBe('by the API\n')
    await git('fsck', '--strict')
  })

  it('clones by both addresses, without a token, and shallow', async () => {
    for (const url of [address(repo), `${address(repo)}.git`]) {
      const clone = await temporaryFolder()
      await ada.run('git', ['clone', '--quiet', url, clone])
      expect(await readFile(join(clone, 'two.txt'), 'utf8')).toBe('two\n')
    }
    const shallow = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', '--depth', '1', address(repo), shallow])
    const { git } = at(ada, shallow)
    expect(await git('rev-list', '--count', 'HEAD')).toBe('1')
    await git('fetch', '--quiet', '--deepen', '1')
    expect(await git('rev-list', '--count', 'HEAD')).toBe('2')
    await git('fetch', '--quiet', '--unshallow')
    expect(await git('rev-list', '--count', 'HEAD')).toBe(
      await at(ada, work).git('rev-list', '--count', 'HEAD'),
    )
  })

  it('clones without blobs and fetches them when they are asked for', async () => {
    const partial = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', '--filter=blob:none', '--no-checkout', address(repo), partial])
    const { git } = at(ada, partial)
    const missing = (await git('rev-list', '--objects', '--missing=print', 'HEAD')).match(/^\?/gm)
    expect(missing?.length).toBeGreaterThanOrEqual(4)
    await git('checkout', '--quiet', 'main')
    expect(await readFile(join(partial, 'three.txt'), 'utf8')).toBe('three\n')
  })

  it('pushes branches and tags, by force, and deletes them', async () => {
    const { git, refused } = at(ada, work)
    const remote = async () => (await git('ls-remote', '--heads', '--tags', 'origin')).split('\n')
    const start = await git('rev-parse', 'HEAD')
    await git('checkout', '--quiet', '-b', 'feature/x')
    await writeFile(join(work, 'feature.txt'), 'first try\n')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'First try')
    await git('tag', 'light')
    await git('tag', '--annotate', 'v1.0', '--message', 'Version 1')
    await git('push', '--quiet', 'origin', 'feature/x', 'light', 'v1.0')
    const first = await git('rev-parse', 'HEAD')
    expect(await remote()).toEqual(
      expect.arrayContaining([
        `${first}\trefs/heads/feature/x`,
        `${first}\trefs/tags/light`,
        `${await git('rev-parse', 'v1.0^{tag}')}\trefs/tags/v1.0`,
        `${first}\trefs/tags/v1.0^{}`,
      ]),
    )
    const refs = await (await fetch(`${hub().url}/api/models/${repo}/refs`)).json()
    expect(refs).toMatchObject({
      branches: expect.arrayContaining([
        { name: 'feature/x', ref: 'refs/heads/feature/x', targetCommit: first },
      ]),
      tags: expect.arrayContaining([expect.objectContaining({ name: 'v1.0', ref: 'refs/tags/v1.0' })]),
    })

    await git('commit', '--quiet', '--amend', '--message', 'Second try')
    const second = await git('rev-parse', 'HEAD')
    expect(await refused('push', 'origin', 'feature/x')).toMatch(/rejected|non-fast-forward/)
    expect(await remote()).toContain(`${first}\trefs/heads/feature/x`)
    await git('push', '--quiet', '--force', 'origin', 'feature/x')
    expect(await remote()).toContain(`${second}\trefs/heads/feature/x`)

    await git('push', '--quiet', 'origin', '--delete', 'feature/x', 'light')
    expect((await remote()).filter(line => /feature|light/.test(line))).toEqual([])
    expect(await refused('push', 'origin', '--delete', 'main')).toMatch(/main/)
    await git('checkout', '--quiet', 'main')
    expect(await git('rev-parse', 'HEAD')).toBe(start)
  })

  it('lets one of two pushes from the same commit win', async () => {
    const [left, right] = [await temporaryFolder(), await temporaryFolder()]
    for (const folder of [left, right]) {
      await ada.run('git', ['clone', '--quiet', address(repo, hub().owner), folder])
      await writeFile(join(folder, 'race.txt'), folder)
      await at(ada, folder).git('add', '.')
      await at(ada, folder).git('commit', '--quiet', '--message', `Race from ${folder}`)
    }
    const ran = await Promise.all([left, right].map(cwd => ada.attempt('git', ['push', '--quiet'], { cwd })))
    expect(ran.map(({ code }) => code === 0).sort()).toEqual([false, true])
    const winner = ran[0]?.code === 0 ? left : right
    const head = await at(ada, winner).git('rev-parse', 'HEAD')
    expect(await at(ada, work).git('ls-remote', 'origin', 'main')).toBe(`${head}\trefs/heads/main`)
    await at(ada, work).git('pull', '--quiet')
  })
})

describe('git, who may push what', () => {
  let ada: Machine
  const committed = async (repo: string, file: string, bytes: string | Uint8Array) => {
    const folder = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', address(repo, hub().owner), folder])
    await writeFile(join(folder, file), bytes)
    await at(ada, folder).git('add', '.')
    await at(ada, folder).git('commit', '--quiet', '--message', `Add ${file}`)
    return folder
  }

  beforeAll(async () => {
    ada = await newMachine(hub().url, hub().token)
  })

  it('takes the token from a header, and a data set of an organisation', async () => {
    await ada.run('hf', ['repos', 'create', 'acme/git-data', '--type', 'dataset', '--private'])
    const header = ['-c', `http.extraHeader=Authorization: Bearer ${hub().token}`]
    const clone = await temporaryFolder()
    await ada.run('git', [...header, 'clone', '--quiet', address('datasets/acme/git-data'), clone])
    const { git } = at(ada, clone)
    await writeFile(join(clone, 'rows.csv'), 'a\n1\n')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'Rows')
    await git(...header, 'push', '--quiet')
    const rows = await fetch(`${hub().url}/datasets/acme/git-data/resolve/main/rows.csv`, {
      headers: { authorization: `Bearer ${hub().token}` },
    })
    expect(await rows.text()).toBe('a\n1\n')
  })

  it('refuses a push without a token, with a wrong one, a read token, a stranger', async () => {
    await ada.run('hf', ['repos', 'create', 'ada/git-mine'])
    const folder = await committed('ada/git-mine', 'x.txt', 'x\n')
    const before = await at(ada, folder).git('ls-remote', address('ada/git-mine'))
    const wrong = { name: 'ada', token: `hf_${'w'.repeat(34)}` }
    const minted = await hub().runCli(['token', 'add', 'ada', '--name', 'reading', '--role', 'read'])
    const read = { name: 'ada', token: /hf_[A-Za-z0-9]{34}/.exec(minted)?.[0] ?? '' }
    expect(read.token).not.toBe('')
    for (const who of [undefined, wrong, read, hub().stranger]) {
      const { refused } = at(ada, folder)
      expect(await refused('push', address('ada/git-mine', who), 'main')).toMatch(
        /40[13]|[Aa]uthentication|could not read|you may not write to ada\/git-mine/,
      )
    }
    expect(await at(ada, folder).git('ls-remote', address('ada/git-mine', read))).toBe(before)
  })

  it('refuses a large blob that is not in LFS and says so', async () => {
    await ada.run('hf', ['repos', 'create', 'ada/git-large'])
    const folder = await committed('ada/git-large', 'large.txt', noise(11_000_000, 'not in LFS'))
    const said = await at(ada, folder).refused('push')
    expect(said).toMatch(/large\.txt|LFS/)
    expect((await fetch(`${hub().url}/ada/git-large/resolve/main/large.txt`)).status).toBe(404)
  })

  it('refuses an LFS pointer whose object the hub does not have', async () => {
    await ada.run('hf', ['repos', 'create', 'ada/git-pointer'])
    const oid = createHash('sha256').update('nobody has this').digest('hex')
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 15\n`
    const folder = await committed('ada/git-pointer', 'pointer.txt', pointer)
    expect(await at(ada, folder).refused('push')).toMatch(new RegExp(`${oid}|LFS`))
  })

  it('survives a restart: what was pushed is there', async () => {
    await ada.run('hf', ['repos', 'create', 'ada/git-kept'])
    const folder = await committed('ada/git-kept', 'kept.txt', 'kept\n')
    await at(ada, folder).git('push', '--quiet')
    await hub().restart()
    const clone = await temporaryFolder()
    await ada.run('git', ['clone', '--quiet', address('ada/git-kept'), clone])
    expect(await readFile(join(clone, 'kept.txt'), 'utf8')).toBe('kept\n')
  })
})
