import { resolve } from 'node:path'
import { z } from 'zod'

/** Every setting, as flag and as `BANYAN_*` variable; a flag wins. */
const settings = z.object({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65535).default(8484),
  data: z
    .string()
    .min(1)
    .default('data')
    .transform(folder => resolve(folder)),
  publicUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL, such as https://hub.example' })
    .transform(url => url.replace(/\/+$/, ''))
    .optional(),
  role: z
    .string()
    .default('web,worker')
    .transform(text => text.split(',').map(role => role.trim()))
    .pipe(z.array(z.enum(['web', 'worker'], { error: 'must be web, worker or web,worker' })).min(1)),
  /** Who may make an account: anybody, or who runs the hub by command. */
  signUp: z.enum(['closed', 'open'], { error: 'must be closed or open' }).default('closed'),
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
})

export type Config = z.infer<typeof settings>
export type Flags = Partial<Record<keyof Config, string | undefined>>

/** All that is wrong with the settings, one line each. */
export class ConfigFaults extends Error {
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

export function readConfig(flags: Flags, environment: NodeJS.ProcessEnv): Config {
  const given: Record<string, string> = {}
  for (const key of Object.keys(settings.shape) as (keyof Config)[]) {
    const value = flags[key] ?? environment[variableOf(key)]
    if (value !== undefined && value !== '') given[key] = value
  }
  const result = settings.safeParse(given)
  if (result.success) return result.data
  throw new ConfigFaults(
    result.error.issues.map(issue => {
      const key = String(issue.path[0]) as keyof Config
      return `${flagOf(key)} (${variableOf(key)}): ${issue.message}, not ${JSON.stringify(given[key])}`
    }),
  )
}

function variableOf(key: string): string {
  return `BANYAN_${key.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}
