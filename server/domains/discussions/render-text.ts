/**
 * The text as HTML that shows just what was typed, with its paragraphs and lines. Markdown is left to whoever shows it:
 * what is safe to show depends on the page, and the raw text is beside this.
 */
export function renderText(raw: string): string {
  return raw
    .split(/\n{2,}/)
    .map(paragraph => paragraph.trim())
    .filter(paragraph => paragraph !== '')
    .map(paragraph => `<p>${escapeHtml(paragraph).replaceAll('\n', '<br>')}</p>`)
    .join('\n')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`)
}
