import { delimiter } from 'node:path'
import { installPackage, unpackPackage } from './debian.ts'
import { UNPACKED_TOOLS } from './places.ts'
import { probe, SetupFailed } from './step.ts'

/**
 * Sees to it that a program can be run: as it is, or from its Debian package. `standalone` says that the package works
 * unpacked, without root and without what it depends on.
 */
export async function ensureProgram(program: {
  name: string
  version: readonly string[]
  package: string
  standalone: boolean
}): Promise<string> {
  const version = () => firstLine(program.name, program.version)
  const found = await version()
  if (found) return found
  const got =
    (await installPackage(program.package)) || (program.standalone && (await unpackPackage(program.package)))
  const installed = got ? await version() : undefined
  if (installed) return installed
  throw new SetupFailed(
    `The client tests need ${program.name}, and it could not be installed from here. Please install it, ` +
      `for example \`apt-get install ${program.package}\` (as root, after \`apt-get update\`) or ` +
      `\`brew install ${program.package}\`, then run make again.`,
  )
}

async function firstLine(name: string, args: readonly string[]): Promise<string | undefined> {
  const path = process.env.PATH ?? ''
  if (!path.split(delimiter).includes(UNPACKED_TOOLS)) process.env.PATH = path + delimiter + UNPACKED_TOOLS
  return (await probe(name, args))?.split('\n')[0]
}
