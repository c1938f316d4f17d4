"""The screens: composition, actions and message handlers only."""
