import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { type CardData, parseFrontMatter } from './front-matter.ts'
import { checkGateAnswers, readGateForm } from './gate-form.ts'

/** The example of https://huggingface.co/docs/hub/models-gated, and its other keys. */
const card = parseFrontMatter(`---
extra_gated_heading: "Acknowledge license to accept the repository"
extra_gated_button_content: "Acknowledge license"
extra_gated_prompt: "You agree to do no harm."
extra_gated_fields:
  Company: text
  Country: country
  Date of birth: date_picker
  ip: ip_location
  I want to use this model for:
    type: select
    options:
      - Research
      - Education
      - label: Other
        value: other
  I agree to use this model for non-commercial use ONLY: checkbox
---
`).data

const agree = 'I agree to use this model for non-commercial use ONLY'
const purpose = 'I want to use this model for'
const good = {
  Company: ' Banyan ',
  Country: 'NL',
  'Date of birth': '1999-12-31',
  [purpose]: 'other',
  [agree]: 'on',
}

describe('the form of a gate', () => {
  it('is what the card says', () => {
    expect(readGateForm(card)).toEqual({
      heading: 'Acknowledge license to accept the repository',
      prompt: 'You agree to do no harm.',
      button: 'Acknowledge license',
      fields: [
        { name: 'Company', type: 'text' },
        { name: 'Country', type: 'country' },
        { name: 'Date of birth', type: 'date_picker' },
        {
          name: purpose,
          type: 'select',
          options: [
            { label: 'Research', value: 'Research' },
            { label: 'Education', value: 'Education' },
            { label: 'Other', value: 'other' },
          ],
        },
        { name: agree, type: 'checkbox' },
      ],
    })
    expect(readGateForm({})).toEqual({ fields: [] })
  })

  it('keeps proper answers to its fields, and nothing else', () => {
    expect(checkGateAnswers(readGateForm(card), { ...good, more: 'x' })).toEqual({
      ...good,
      Company: 'Banyan',
      [agree]: true,
    })
  })

  it.each([
    ['Company', '  '],
    ['Company', 7],
    ['Company', 'x'.repeat(2001)],
    ['Country', 'Netherlands'],
    ['Date of birth', '1999-02-30'],
    ['Date of birth', 'yesterday'],
    [purpose, 'Other'],
    [agree, false],
    [agree, ''],
    [agree, undefined],
  ])('refuses for "%s" the answer %j, and names the field', (name, answer) => {
    expect(() => checkGateAnswers(readGateForm(card), { ...good, [name]: answer })).toThrow(
      `"${name}" must be`,
    )
  })

  it('takes any card and any answers without another fault', () => {
    const json = fc.jsonValue({ maxDepth: 4 })
    fc.assert(
      fc.property(json, json, (fields, answers) => {
        const form = readGateForm({ extra_gated_fields: fields, extra_gated_prompt: fields } as CardData)
        const given = typeof answers === 'object' && answers !== null ? answers : {}
        try {
          checkGateAnswers(form, given as Record<string, unknown>)
        } catch (error) {
          expect((error as Error).name).toBe('MalformedInput')
        }
      }),
      runs(2000),
    )
  })
})
