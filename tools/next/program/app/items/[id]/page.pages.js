// Rendered when it is first asked for.
export const revalidate = 3600
export const dynamicParams = true
export const generateStaticParams = async () => []

export default async function Page({ params }) {
  const { id } = await params
  return <p>item:{`${id}-${Math.random()}`}:rendered</p>
}
