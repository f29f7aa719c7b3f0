"""The local web app: runs with live progress, boards, and forms that do what commands do."""
