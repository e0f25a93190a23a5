// Text that any store and any reader can hold: what somebody else wrote may have NULs and halves of characters in it.

export function cleanText(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}
