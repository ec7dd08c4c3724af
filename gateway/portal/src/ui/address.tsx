/** An e-mail address that breaks before its @ rather than anywhere. */
export function Address({ value }: { value: string }) {
  const at = value.lastIndexOf('@')
  if (at < 1) return <>{value}</>
  return (
    <>
      {value.slice(0, at)}
      <wbr />
      {value.slice(at)}
    </>
  )
}
