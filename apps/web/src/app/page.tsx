/** The address alone leads to the overview. */
import { redirect } from "next/navigation";

export default function Page() {
  redirect("/overview");
}
