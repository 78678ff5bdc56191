import { MalformedInput } from '../kernel/errors.ts'
import type { CardData, CardValue } from './front-matter.ts'

/** What a card asks of whoever wants to pass the gate of its repository. */
export interface GateForm {
  readonly heading?: string
  readonly prompt?: string
  readonly description?: string
  /** What the button says. */
  readonly button?: string
  /** Every one must be answered. */
  readonly fields: readonly GateField[]
}

interface GateField {
  /** What it is called, and the key of its answer. */
  readonly name: string
  readonly type: 'text' | 'checkbox' | 'date_picker' | 'country' | 'select'
  /** Of a `select`. */
  readonly options?: readonly { readonly label: string; readonly value: string }[]
}

export type GateAnswers = Readonly<Record<string, string | true>>

const mostFields = 50
const mostOptions = 300
/** Characters of one answer. */
const answerLimit = 2000

/**
 * The `extra_gated_*` keys of a card (https://huggingface.co/docs/hub/models-gated, "Customize requested information").
 * What has the wrong type is left out; a type that nobody knows is text. `ip_location` is no question.
 */
export function readGateForm(card: CardData): GateForm {
  const text = (key: string) => {
    const value = card[`extra_gated_${key}`]
    return typeof value === 'string' && value.trim() !== '' ? value : undefined
  }
  const [heading, prompt, description, button] = [
    text('heading'),
    text('prompt'),
    text('description'),
    text('button_content'),
  ]
  return {
    ...(heading !== undefined && { heading }),
    ...(prompt !== undefined && { prompt }),
    ...(description !== undefined && { description }),
    ...(button !== undefined && { button }),
    fields: Object.entries(record(card.extra_gated_fields) ?? {})
      .flatMap(([name, value]) => readField(name, value) ?? [])
      .slice(0, mostFields),
  }
}

function readField(name: string, value: CardValue): GateField | undefined {
  const type = record(value)?.type ?? value
  if (type === 'ip_location') return undefined
  if (type === 'checkbox' || type === 'date_picker' || type === 'country') return { name, type }
  if (type !== 'select') return { name, type: 'text' }
  const given = record(value)?.options
  const options = (Array.isArray(given) ? given : []).flatMap(option => {
    const named = record(option)
    const label = String(named ? (named.label ?? named.value ?? '') : option)
    return label === '' ? [] : { label, value: String(named?.value ?? label) }
  })
  return { name, type, options: options.slice(0, mostOptions) }
}

/**
 * The answers to all fields of the form, as they are kept; what else was sent is left out. Throws MalformedInput that
 * names each field without a proper answer.
 */
export function checkGateAnswers(form: GateForm, given: Readonly<Record<string, unknown>>): GateAnswers {
  const answers: [string, string | true][] = []
  const faults: string[] = []
  for (const field of form.fields) {
    const answer = readAnswer(field, Object.hasOwn(given, field.name) ? given[field.name] : undefined)
    if (answer === undefined) faults.push(`"${field.name.slice(0, 100)}" ${wanted(field)}`)
    else answers.push([field.name, answer])
  }
  if (faults.length > 0) throw new MalformedInput('request for access', faults.slice(0, 5).join('; '))
  return Object.fromEntries(answers)
}

function readAnswer(field: GateField, given: unknown): string | true | undefined {
  if (field.type === 'checkbox') {
    return given === true || (typeof given === 'string' && /^(true|on|1|yes)$/i.test(given)) || undefined
  }
  if (typeof given !== 'string' || given.length > answerLimit) return undefined
  const answer = given.trim()
  if (field.type === 'date_picker') return isDate(answer) ? answer : undefined
  if (field.type === 'country') return /^[A-Z]{2}$/.test(answer) ? answer : undefined
  if (field.type === 'select')
    return field.options?.some(({ value }) => value === answer) ? answer : undefined
  return answer === '' ? undefined : answer
}

function wanted(field: GateField): string {
  switch (field.type) {
    case 'checkbox':
      return 'must be agreed to: true'
    case 'date_picker':
      return 'must be a date: YYYY-MM-DD'
    case 'country':
      return 'must be a country code of two capital letters (ISO 3166-1)'
    case 'select':
      return `must be one of ${(field.options ?? [])
        .map(({ value }) => JSON.stringify(value))
        .join(', ')
        .slice(0, 300)}`
    case 'text':
      return `must be answered, in at most ${answerLimit} characters`
  }
}

function isDate(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

function record(value: CardValue | undefined): CardData | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}
