"use client";
import { Close, Content, Description, Overlay, Portal, Root, Title } from "radix-ui/dialog";
import { type ReactNode, useState } from "react";
import { classNames } from "./class-names.ts";
import { giveFocusBack } from "./focus-return.ts";
/**
 * A question or a form that must be answered before anything else. Escape and the backdrop close it. Exists only
 * while open, in the browser.
 */
import { Icon } from "./icon.tsx";

type DialogProps = {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What it is about, in a sentence. */
  about?: ReactNode;
  children: ReactNode;
  className?: string;
};

export function Dialog({ open, onOpenChange, title, about, children, className }: DialogProps) {
  // Before its content takes the focus. There is no trigger that the library could give it back to.
  const [before] = useState(() => document.activeElement);
  return (
    <Root open={open} onOpenChange={onOpenChange}>
      <Portal>
        <Overlay className="enter fixed inset-0 z-40 bg-overlay" />
        <Content
          {...(about ? {} : { "aria-describedby": undefined })}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            giveFocusBack(before);
          }}
          className={classNames(
            "enter fixed top-[12vh] left-1/2 z-50 max-h-[80vh] w-[min(520px,calc(100vw-24px))] -translate-x-1/2 overflow-auto rounded-md border border-line bg-surface-1 p-5 shadow-overlay",
            className,
          )}
        >
          <div className="mb-3 flex items-start gap-4">
            <div className="grow">
              <Title className="text-base">{title}</Title>
              {about && <Description className="mt-1 text-text-2">{about}</Description>}
            </div>
            <Close
              aria-label="Close"
              className="-mt-1 -mr-1 grid size-7 place-items-center rounded-md text-text-3 hover:bg-surface-2 hover:text-text-1"
            >
              <Icon name="close" size={16} />
            </Close>
          </div>
          {children}
        </Content>
      </Portal>
    </Root>
  );
}
