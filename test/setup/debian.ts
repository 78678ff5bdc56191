import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE } from './places.ts'
import { probe, run } from './step.ts'

/** Installs a Debian package where this user may (as root). False when this is no Debian, not root, or apt refuses. */
export async function installPackage(name: string): Promise<boolean> {
  if (process.getuid?.() !== 0 || (await probe('apt-get', ['--version'])) === undefined) return false
  const environment = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const install = () => run('apt-get', ['install', '-y', '--no-install-recommends', name], environment)
  try {
    await install()
    return true
  } catch {
    // A fresh machine has no package lists yet.
  }
  try {
    await run('apt-get', ['update'], environment)
    await install()
    return true
  } catch (error) {
    console.log(String(error))
    return false
  }
}

/** Unpacks a Debian package into `.cache/tools` without root. False when it cannot be had. */
export async function unpackPackage(name: string): Promise<boolean> {
  if ((await probe('apt-get', ['--version'])) === undefined) return false
  const folder = join(CACHE, 'debian', name)
  await mkdir(folder, { recursive: true })
  try {
    await run('apt-get', ['download', name], { cwd: folder })
    const archive = (await readdir(folder)).filter(file => file.endsWith('.deb')).at(-1)
    if (!archive) return false
    await run('dpkg', ['-x', join(folder, archive), join(CACHE, 'tools')])
    return true
  } catch (error) {
    console.log(String(error))
    return false
  }
}
