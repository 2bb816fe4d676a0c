"""The page. All of the project's Gradio code is in this folder."""
