import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Quotas } from './http/rate-limits.ts'

const generousQuotas = { window: 300, api: 20_000, resolvers: 200_000, pages: 10_000 }

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
    .transform(listOf)
    .pipe(z.array(z.enum(['web', 'worker'], { error: 'must be web, worker or web,worker' })).min(1)),
  /** Who may make an account: anybody, or who runs the hub by command. */
  signUp: z.enum(['closed', 'open'], { error: 'must be closed or open' }).default('closed'),
  trustedProxies: z
    .string()
    .default('')
    .transform(listOf)
    .refine(items => items.every(isNetwork), {
      error: 'must be addresses or networks, such as 10.0.0.1,10.1.0.0/16',
    }),
  /** Where payloads of webhooks may go: to public addresses, or to private ones and this machine too. */
  webhookTargets: z.enum(['public', 'any'], { error: 'must be public or any' }).default('public'),
  /** Whether the hub tells owners, in discussions, what weights say of the bases that cards name. */
  lineageReports: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
  /** Undefined when off. */
  rateLimits: z.string().default('').transform(readQuotas),
  /** Bytes that local copies for the git program may take. */
  gitCache: z.string().default('10GiB').transform(readBytes),
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

function listOf(text: string): string[] {
  return text.split(',').flatMap(item => item.trim() || [])
}

function isNetwork(text: string): boolean {
  const [address = '', bits] = text.split('/')
  const family = isIP(address)
  if (bits === undefined || family === 0) return family !== 0
  return /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

const byteUnits: Record<string, number> = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** `500MiB`, `10GiB`, `1.5TiB`. */
function readBytes(text: string, context: z.RefinementCtx): number {
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,3})?) ?([MGT]iB)$/.exec(text.trim()) ?? []
  if (unit !== undefined) return Math.floor(Number(number) * (byteUnits[unit] ?? 1))
  context.addIssue({ code: 'custom', message: 'must be a number of MiB, GiB or TiB, such as 10GiB' })
  return 0
}

/** `off`, or `api=1000,resolvers=5000,pages=200,window=300`: what is not named keeps its default. */
function readQuotas(text: string, context: z.RefinementCtx): Quotas | undefined {
  if (text === 'off') return undefined
  const quotas = { ...generousQuotas }
  for (const item of listOf(text)) {
    const [, key, number] = /^(api|resolvers|pages|window)=([1-9]\d{0,8})$/.exec(item) ?? []
    if (!key) {
      context.addIssue({
        code: 'custom',
        message: 'must be off, or like api=1000,resolvers=5000,pages=200,window=300',
      })
      return undefined
    }
    quotas[key as keyof typeof quotas] = Number(number)
  }
  const { window, ...requests } = quotas
  return { windowMs: window * 1000, requests }
}
